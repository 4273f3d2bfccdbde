package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A safetensors file, or all files of a sharded model, mapped into memory and checked throughout.
/// Opening reads only the heads.
///
/// It owns the mapping: [#data] can't be read once it is closed. The files must not change while
/// they are open; [#checkUnchanged] asks.
public final class SafetensorsFile implements AutoCloseable {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private final Arena arena;
  private final Path path;
  private final List<MappedFile> files;
  private final Map<String, String> metadata;
  private final Map<String, SafetensorsTensor> byName = new LinkedHashMap<>();

  private SafetensorsFile(Arena arena, Path path, List<Path> paths) throws IOException {
    this.arena = arena;
    this.path = path;
    List<MappedFile> mapped = new ArrayList<>();
    Map<String, String> allMetadata = new LinkedHashMap<>();
    List<String> twice = new ArrayList<>();
    for (Path each : paths) {
      MappedFile file = MappedFile.open(arena, each, ".safetensors");
      SafetensorsHeader header = read(file);
      header.metadata().forEach(allMetadata::putIfAbsent);
      for (SafetensorsTensor tensor : header.tensors()) {
        SafetensorsTensor previous =
            byName.putIfAbsent(tensor.name(), tensor.inPart(mapped.size()));
        if (previous != null) {
          twice.add("'" + tensor.name() + "' in " + each);
        }
      }
      mapped.add(file);
    }
    if (!twice.isEmpty()) {
      throw InvalidInputException.of(
          path + ": the files of this model have tensors in common; download all of them again",
          twice);
    }
    this.files = List.copyOf(mapped);
    this.metadata = Collections.unmodifiableMap(allMetadata);
  }

  private static SafetensorsHeader read(MappedFile file) throws IOException {
    try {
      return SafetensorsHeader.read(file.bytes(), file.path().toString());
    } catch (InternalError e) {
      throw file.cutShort(e);
    }
  }

  /// Opens a file, the files that an index names (`….safetensors.index.json`), or a folder's
  /// `model.safetensors` or `model.safetensors.index.json`.
  ///
  /// @throws InvalidInputException when it isn't a valid, complete model
  /// @throws IOException when it can't be read
  public static SafetensorsFile open(Path path) throws IOException {
    Path entry = Files.isDirectory(path) ? inFolder(path) : path;
    Optional<SafetensorsIndex> index =
        SafetensorsIndex.isIndex(entry)
            ? Optional.of(SafetensorsIndex.read(entry))
            : Optional.empty();
    List<Path> paths = index.map(SafetensorsIndex::existingFiles).orElse(List.of(entry));
    Arena arena = Arena.ofShared();
    try {
      SafetensorsFile file = new SafetensorsFile(arena, entry, paths);
      index.ifPresent(read -> read.check(file.byName.values(), paths));
      return file;
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static Path inFolder(Path folder) {
    for (String name : List.of(SINGLE, INDEX)) {
      if (Files.exists(folder.resolve(name))) {
        return folder.resolve(name);
      }
    }
    boolean pickled =
        Files.exists(folder.resolve("pytorch_model.bin"))
            || Files.exists(folder.resolve("pytorch_model.bin.index.json"));
    throw new InvalidInputException(
        "%s has neither %s nor %s%s"
            .formatted(
                folder,
                SINGLE,
                INDEX,
                pickled
                    ? ". Its pytorch_model.bin can hold programs and isn't read: save the model"
                        + " with save_pretrained(safe_serialization=True)"
                    : ". Give the folder of a model with safetensors files"));
  }

  /// The file or index that was opened.
  public Path path() {
    return path;
  }

  /// All files, in the order that [SafetensorsTensor#part] counts.
  public List<Path> paths() {
    return files.stream().map(MappedFile::path).toList();
  }

  /// The strings of `__metadata__`, such as `format`; of several files the first one's win.
  public Map<String, String> metadata() {
    return metadata;
  }

  /// All tensors, file by file in the order of their data.
  public List<SafetensorsTensor> tensors() {
    return List.copyOf(byName.values());
  }

  /// The tensor of this name.
  public Optional<SafetensorsTensor> tensor(String name) {
    return Optional.ofNullable(byName.get(name));
  }

  /// A tensor's data: a read-only slice of the mapping, of exactly its bytes, little-endian and
  /// aligned to nothing. [SafetensorsType#readFloats] reads numbers from it.
  ///
  /// @param tensor one of this file's
  public MemorySegment data(SafetensorsTensor tensor) {
    if (!tensor.equals(byName.get(tensor.name()))) {
      throw new IllegalArgumentException("tensor '" + tensor.name() + "' is not one of " + path);
    }
    return files.get(tensor.part()).bytes().asSlice(tensor.offset(), tensor.bytes());
  }

  /// Compares size and time of modification of every file with those at opening.
  ///
  /// @throws IOException when they differ or a file is gone
  public void checkUnchanged() throws IOException {
    for (MappedFile file : files) {
      file.checkUnchanged();
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
