package io.lorikeet.quant;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/// One mapped GGUF file and its checked head.
record GgufPart(MappedFile file, GgufHeader header) {
  /// Maps a file until the arena is closed, and checks its head.
  ///
  /// @param withData whether the tensors' data has to be there as well
  static GgufPart open(Arena arena, Path path, boolean withData) throws IOException {
    MappedFile file = MappedFile.open(arena, path, ".gguf");
    try {
      return new GgufPart(file, GgufHeaderReader.read(file.bytes(), path.toString(), withData));
    } catch (InternalError e) {
      throw file.cutShort(e);
    }
  }

  Path path() {
    return file.path();
  }

  /// The whole file, read-only.
  MemorySegment mapping() {
    return file.bytes();
  }
}
