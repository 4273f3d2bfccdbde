package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;

/// One mapped file.
///
/// @param mapping the whole file, read-only
/// @param modified its time of modification when it was opened
record GgufPart(Path path, MemorySegment mapping, FileTime modified, GgufHeader header) {
  /// Maps a file until the arena is closed, and checks its head.
  ///
  /// @param withData whether the tensors' data has to be there as well
  static GgufPart open(Arena arena, Path path, boolean withData) throws IOException {
    if (Files.isDirectory(path)) {
      throw new InvalidInputException(path + " is a folder. Give the .gguf file in it");
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new InvalidInputException(
          path + " isn't an ordinary file, so it can't be mapped into memory");
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      FileTime modified = Files.getLastModifiedTime(path);
      MemorySegment mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new GgufPart(
          path, mapping, modified, GgufHeaderReader.read(mapping, path.toString(), withData));
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(path + " doesn't exist. Check the name", e);
    } catch (InternalError e) {
      // What Java makes of a missing page of a mapping.
      throw new IOException(
          path + " was cut short while it was being opened. Start again when it is complete", e);
    }
  }

  /// Compares size and time of modification with those at opening.
  ///
  /// @throws IOException when they differ or the file is gone
  void checkUnchanged() throws IOException {
    if (!Files.exists(path)) {
      throw new IOException(
          path + " was removed or renamed while it was in use. Start again with it in place");
    }
    long size = Files.size(path);
    if (size != mapping.byteSize()) {
      throw new IOException(
          "%s was changed while it was in use: it had %s bytes and now has %s. Start again with it complete"
              .formatted(path, mapping.byteSize(), size));
    }
    FileTime now = Files.getLastModifiedTime(path);
    if (!now.equals(modified)) {
      throw new IOException(
          "%s was changed while it was in use, at %s. Start again with it complete"
              .formatted(path, now));
    }
  }
}
