package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A GGUF file, or all files of a split one, mapped into memory and checked throughout. Opening
/// reads only its head, so it takes milliseconds whatever the size; the tensors' data is paged in
/// by whoever touches it.
///
/// It owns the mapping: [#data] and the arrays of [#metadata] can't be read once it is closed, and
/// no native code may use their addresses any more. It may be used by several threads.
///
/// The file must not change while it is open. Java finds a file that was cut short meanwhile only
/// by an `InternalError` when a missing page is touched, and in native code it ends the process:
/// [#checkUnchanged] asks before.
public final class GgufFile implements AutoCloseable {
  private final Arena arena;
  private final Path path;
  private final List<GgufPart> parts;
  private final boolean withData;
  private final List<GgufTensor> tensors;
  private final Map<String, GgufTensor> byName = new HashMap<>();
  private @Nullable String hash;

  private GgufFile(Arena arena, Path path, List<GgufPart> parts, boolean withData) {
    this.arena = arena;
    this.path = path;
    this.parts = parts;
    this.withData = withData;
    List<GgufTensor> all = new ArrayList<>();
    List<String> twice = new ArrayList<>();
    for (int part = 0; part < parts.size(); part++) {
      for (GgufTensor tensor : parts.get(part).header().tensors()) {
        GgufTensor inPart = tensor.inPart(part);
        all.add(inPart);
        if (byName.putIfAbsent(tensor.name(), inPart) != null) {
          twice.add("'" + tensor.name() + "' in " + parts.get(part).path());
        }
      }
    }
    if (!twice.isEmpty()) {
      throw InvalidInputException.of(
          path
              + ": the files of this split model have tensors in common; download all of them again",
          twice);
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

  /// Opens a file of which only the head need be there, such as one that is still being downloaded.
  /// [#data] and [#hash] are refused then.
  ///
  /// @throws InvalidInputException when the head isn't valid and complete
  /// @throws IOException when it can't be read
  public static GgufFile openHeader(Path path) throws IOException {
    return open(path, false);
  }

  private static GgufFile open(Path path, boolean withData) throws IOException {
    Arena arena = Arena.ofShared();
    try {
      return new GgufFile(arena, path, SplitModel.open(arena, path, withData), withData);
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /// The path given when opening.
  public Path path() {
    return path;
  }

  /// All files, in their order; one unless the model is split.
  public List<Path> paths() {
    return parts.stream().map(GgufPart::path).toList();
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
    return tensors.stream().mapToLong(GgufTensor::elements).sum();
  }

  /// A tensor's data: a read-only slice of the mapping, of exactly its bytes, aligned as
  /// `general.alignment` says (32 without it).
  ///
  /// @param tensor one of this file's
  /// @throws IllegalStateException when only the head was opened
  public MemorySegment data(GgufTensor tensor) {
    requireData();
    if (!tensor.equals(byName.get(tensor.name()))) {
      throw new IllegalArgumentException("tensor '" + tensor.name() + "' is not one of " + path);
    }
    return parts.get(tensor.part()).mapping().asSlice(tensor.offset(), tensor.bytes());
  }

  /// Every byte of the tensor's file that lies before its data.
  MemorySegment before(GgufTensor tensor) {
    requireData();
    return parts.get(tensor.part()).mapping().asSlice(0, tensor.offset());
  }

  private void requireData() {
    if (!withData) {
      throw new IllegalStateException(
          "only the head of " + path + " was opened, without its tensors' data");
    }
  }

  /// SHA-256 of the file as 64 hexadecimal digits; of a split model that of all files one after the
  /// other. It is computed on the first call, which takes a second or more for each gigabyte, and
  /// kept.
  ///
  /// @throws IOException when a file can't be read or has changed since it was opened
  /// @throws IllegalStateException when only the head was opened
  public synchronized String hash() throws IOException {
    requireData();
    if (hash == null) {
      MessageDigest digest = sha256();
      for (GgufPart part : parts) {
        update(digest, part.path());
      }
      checkUnchanged();
      hash = HexFormat.of().formatHex(digest.digest());
    }
    return hash;
  }

  /// Reads the file rather than the mapping, so that one that shrinks meanwhile is an IOException.
  private static void update(MessageDigest digest, Path path) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      while (channel.read(buffer.clear()) >= 0) {
        digest.update(buffer.flip());
      }
    }
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
  /// @throws IOException when they differ or a file is gone
  public void checkUnchanged() throws IOException {
    for (GgufPart part : parts) {
      part.file().checkUnchanged();
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
