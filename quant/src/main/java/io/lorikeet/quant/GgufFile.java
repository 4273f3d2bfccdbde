package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A GGUF file, or all files of a split one, mapped into memory and checked throughout. Opening reads only its head, so it
/// takes milliseconds whatever the size; the tensors' data is paged in by whoever touches it.
///
/// It owns the mapping: [#data] and the arrays of [#metadata] can't be read once it is closed, and no native code may
/// use their addresses any more. It may be used by several threads.
///
/// The file must not change while it is open. Java finds a file that was cut short meanwhile only by an `InternalError`
/// when a missing page is touched, and in native code it ends the process: [#checkUnchanged] asks before.
public final class GgufFile implements AutoCloseable {
  private final Arena arena;
  private final Path path;
  private final List<Part> parts;
  private final boolean withData;
  private final List<GgufTensor> tensors;
  private final Map<String, GgufTensor> byName = new LinkedHashMap<>();
  private String hash;

  private record Part(Path path, MemorySegment mapping, FileTime modified, GgufHeader header) {}

  private GgufFile(Arena arena, Path path, List<Part> parts, boolean withData) {
    this.arena = arena;
    this.path = path;
    this.parts = parts;
    this.withData = withData;
    List<GgufTensor> all = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (Part part : parts) {
      for (GgufTensor tensor : part.header().tensors()) {
        all.add(tensor);
        if (byName.putIfAbsent(tensor.name(), tensor) != null) {
          problems.add("'" + tensor.name() + "' in " + part.path().getFileName());
        }
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(path + ": tensors occur in more than one file of this split model", problems);
    }
    this.tensors = Collections.unmodifiableList(all);
  }

  /// Opens a file; of a split model (`…-00001-of-00003.gguf`) any part, and with it all of them.
  ///
  /// @throws InvalidInputException when it isn't a valid, complete GGUF file
  /// @throws IOException when it can't be read
  public static GgufFile open(Path path) throws IOException {
    return open(path, true);
  }

  /// Opens a file of which only the head need be there, as of one that is still being downloaded. [#data] and [#hash]
  /// are refused.
  ///
  /// @throws InvalidInputException when the head isn't valid and complete
  /// @throws IOException when it can't be read
  public static GgufFile openHeader(Path path) throws IOException {
    return open(path, false);
  }

  private static GgufFile open(Path path, boolean withData) throws IOException {
    Arena arena = Arena.ofShared();
    try {
      Part first = map(arena, path, 0, withData);
      return new GgufFile(arena, path, List.of(first), withData);
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static Part map(Arena arena, Path path, int part, boolean withData) throws IOException {
    if (Files.isDirectory(path)) {
      throw new InvalidInputException(path + " is a folder. Give the .gguf file in it");
    }
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new InvalidInputException(path + " isn't an ordinary file, and can't be mapped into memory");
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      FileTime modified = Files.getLastModifiedTime(path);
      MemorySegment mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new Part(path, mapping, modified, GgufHeaderReader.read(mapping, path.toString(), part, withData));
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(path + " doesn't exist. Check the name", e);
    }
  }

  /// The path given when opening.
  public Path path() {
    return path;
  }

  /// All files, in their order; one unless the model is split.
  public List<Path> paths() {
    return parts.stream().map(Part::path).toList();
  }

  /// The version of the format, 2 or 3.
  public int version() {
    return parts.getFirst().header().version();
  }

  /// Keys and values; of a split model those of its first file.
  public GgufMetadata metadata() {
    return parts.getFirst().header().metadata();
  }

  /// All tensors, in the order of the file or files.
  public List<GgufTensor> tensors() {
    return tensors;
  }

  /// The tensor of this name.
  public Optional<GgufTensor> tensor(String name) {
    return Optional.ofNullable(byName.get(name));
  }

  /// The number of elements of all tensors together.
  public long parameterCount() {
    return tensors.stream().mapToLong(GgufTensor::elements).reduce(0, Math::addExact);
  }

  /// A tensor's data: a read-only slice of the mapping of exactly its bytes, aligned as the file is (`general.alignment`).
  ///
  /// @param tensor one of this file's
  /// @throws IllegalStateException when only the head was opened, or the file is closed
  public MemorySegment data(GgufTensor tensor) {
    requireData();
    if (!tensor.equals(byName.get(tensor.name()))) {
      throw new IllegalArgumentException("tensor '" + tensor.name() + "' is not one of " + path);
    }
    return parts.get(tensor.part()).mapping().asSlice(tensor.offset(), tensor.bytes());
  }

  private void requireData() {
    if (!withData) {
      throw new IllegalStateException("only the head of " + path + " was opened, without its tensors' data");
    }
  }

  /// SHA-256 of the file as 64 hexadecimal digits; of a split model that of all files one after the other. It is computed
  /// on the first call, about a second for each gigabyte, and kept.
  ///
  /// @throws IOException when a file can't be read or has changed since it was opened
  public synchronized String hash() throws IOException {
    requireData();
    if (hash == null) {
      checkUnchanged();
      MessageDigest digest = sha256();
      // Reading rather than using the mapping: a file that shrinks meanwhile is then an IOException.
      ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
      for (Part part : parts) {
        try (FileChannel channel = FileChannel.open(part.path(), StandardOpenOption.READ)) {
          while (channel.read(buffer.clear()) >= 0) {
            digest.update(buffer.flip());
          }
        }
      }
      checkUnchanged();
      hash = HexFormat.of().formatHex(digest.digest());
    }
    return hash;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /// Compares size and time of modification of every file with those at opening.
  ///
  /// @throws IOException when they differ or the file is gone
  public void checkUnchanged() throws IOException {
    for (Part part : parts) {
      if (!Files.exists(part.path())) {
        throw new IOException(part.path() + " was removed or renamed while it was in use. Start again with it in place");
      }
      long size = Files.size(part.path());
      if (size != part.mapping().byteSize() || !Files.getLastModifiedTime(part.path()).equals(part.modified())) {
        throw new IOException(
            part.path() + " was changed while it was in use: it has " + size + " bytes, and had "
                + part.mapping().byteSize() + ". Start again when it is complete");
      }
    }
  }

  /// Unmaps the files.
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
