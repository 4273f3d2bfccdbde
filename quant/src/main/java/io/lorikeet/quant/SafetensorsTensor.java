package io.lorikeet.quant;

import java.util.List;

/// A tensor of a safetensors file: its name, type, shape and place.
///
/// @param name its name
/// @param type the type of its elements
/// @param shape elements per dimension in the file's order, the slowest first: `[rows, columns]`
///     for a matrix, the reverse of ggml's; empty for a single number
/// @param offset bytes from the beginning of its file to its data
/// @param bytes size of its data
/// @param part which file of a sharded model holds it, from 0
public record SafetensorsTensor(
    String name, SafetensorsType type, List<Long> shape, long offset, long bytes, int part) {
  public SafetensorsTensor {
    shape = List.copyOf(shape);
  }

  /// The number of its elements.
  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  SafetensorsTensor inPart(int number) {
    return new SafetensorsTensor(name, type, shape, offset, bytes, number);
  }
}
