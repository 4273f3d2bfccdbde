package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import java.util.List;

/// A tensor of a GGUF file: its name, type, shape and place.
///
/// @param name its name, of at most 63 bytes
/// @param type the type of its elements
/// @param shape elements per dimension in ggml's order, ne0 (a row's length) first; 1 to 4 of them,
///     trailing ones of 1 left out
/// @param offset bytes from the beginning of its file to its data
/// @param bytes size of its data
/// @param part which file of a split model holds it, from 0; 0 where there is only one file
public record GgufTensor(
    String name, TensorType type, List<Long> shape, long offset, long bytes, int part) {
  public GgufTensor {
    shape = List.copyOf(shape);
  }

  /// The number of its elements.
  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /// The type's name in capitals, such as `Q4_K`.
  public String typeName() {
    return type.name();
  }

  /// The type's name as ggml prints it, such as `q4_K`.
  public String ggmlTypeName() {
    return type.ggmlName();
  }

  GgufTensor inPart(int number) {
    return new GgufTensor(name, type, shape, offset, bytes, number);
  }
}
