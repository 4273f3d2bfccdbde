package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;

/// A file mapped into memory, which mustn't change meanwhile.
///
/// @param bytes the whole file, read-only
/// @param modified its time of modification when it was opened
record MappedFile(Path path, MemorySegment bytes, FileTime modified) {
  /// Maps a file until the arena is closed.
  ///
  /// @param suffix the ending of such files' names, for messages
  static MappedFile open(Arena arena, Path path, String suffix) throws IOException {
    if (Files.isDirectory(path)) {
      throw new InvalidInputException(path + " is a folder. Give the " + suffix + " file in it");
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new InvalidInputException(
          path + " isn't an ordinary file, so it can't be mapped into memory");
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      FileTime modified = Files.getLastModifiedTime(path);
      return new MappedFile(
          path, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena), modified);
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(path + " doesn't exist. Check the name", e);
    }
  }

  /// A message for the error that Java throws at a missing page of the mapping.
  IOException cutShort(InternalError cause) {
    return new IOException(
        path + " was cut short while it was being opened. Start again when it is complete", cause);
  }

  /// Compares size and time of modification with those at opening.
  ///
  /// @throws IOException when they differ or the file is gone
  void checkUnchanged() throws IOException {
    BasicFileAttributes now = attributes();
    if (now.size() != bytes.byteSize()) {
      throw new IOException(
          "%s was changed while it was in use: it had %s bytes and now has %s. Start again with it complete"
              .formatted(path, bytes.byteSize(), now.size()));
    }
    if (!now.lastModifiedTime().equals(modified)) {
      throw new IOException(
          "%s was changed while it was in use, at %s. Start again with it complete"
              .formatted(path, now.lastModifiedTime()));
    }
  }

  /// All attributes at once, so that the file can't disappear between two questions.
  private BasicFileAttributes attributes() throws IOException {
    try {
      return Files.readAttributes(path, BasicFileAttributes.class);
    } catch (NoSuchFileException e) {
      throw new IOException(
          path + " was removed or renamed while it was in use. Start again with it in place", e);
    }
  }
}
