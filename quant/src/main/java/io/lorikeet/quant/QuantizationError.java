package io.lorikeet.quant;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// How far a quantized tensor is from its source.
///
/// @param name the tensor
/// @param source the source's type
/// @param type the type that it has become
/// @param elements how many numbers it has
/// @param bytes its size
/// @param rootMeanSquare root of the mean of the squared differences
/// @param relative that as a share of the root mean square of the source's numbers
public record QuantizationError(
    String name,
    TensorType source,
    TensorType type,
    long elements,
    long bytes,
    double rootMeanSquare,
    double relative) {
  private static final long PIECE = 1 << 18;
  private static final long ALIGNMENT = 64;

  /// The name of the type that it has become, as ggml prints it, such as `q4_K`.
  public String ggmlTypeName() {
    return type.ggmlName();
  }

  /// Compares all tensors that have changed their type, in the order of the quantized model.
  ///
  /// @throws InvalidInputException when the two aren't the same model
  /// @throws IOException when a file can't be read
  public static List<QuantizationError> compare(Path source, Path quantized) throws IOException {
    try (GgufFile from = GgufFile.open(source);
        GgufFile to = GgufFile.open(quantized)) {
      List<QuantizationError> errors = new ArrayList<>();
      for (GgufTensor tensor : to.tensors()) {
        GgufTensor original = from.tensor(tensor.name()).orElse(null);
        if (original == null || !original.shape().equals(tensor.shape())) {
          throw new InvalidInputException(
              "'%s' of %s isn't in %s with the same shape"
                  .formatted(tensor.name(), quantized, source));
        }
        if (original.type() != tensor.type()) {
          errors.add(compare(from, original, to, tensor));
        }
      }
      return errors;
    }
  }

  private static QuantizationError compare(
      GgufFile from, GgufTensor original, GgufFile to, GgufTensor tensor) {
    long width = tensor.shape().getFirst();
    long rows = tensor.elements() / width;
    long most = Math.max(1, Math.min(rows, PIECE / width));
    double squares = 0;
    double sourceSquares = 0;
    for (long row = 0; row < rows; row += most) {
      long count = Math.min(most, rows - row);
      float[] expected = floats(from, original, row, count);
      float[] found = floats(to, tensor, row, count);
      for (int i = 0; i < expected.length; i++) {
        double difference = (double) found[i] - expected[i];
        squares += difference * difference;
        sourceSquares += (double) expected[i] * expected[i];
      }
    }
    double error = Math.sqrt(squares / tensor.elements());
    double size = Math.sqrt(sourceSquares / tensor.elements());
    return new QuantizationError(
        tensor.name(),
        original.type(),
        tensor.type(),
        tensor.elements(),
        tensor.bytes(),
        error,
        size == 0 ? 0 : error / size);
  }

  private static float[] floats(GgufFile file, GgufTensor tensor, long row, long count) {
    long width = tensor.shape().getFirst();
    long rowBytes = tensor.type().rowBytes(width);
    MemorySegment stored = file.data(tensor).asSlice(row * rowBytes, count * rowBytes);
    try (Arena arena = Arena.ofConfined()) { // GGUF aligns less than ggml's functions may want
      MemorySegment bytes = arena.allocate(stored.byteSize(), ALIGNMENT).copyFrom(stored);
      MemorySegment floats = arena.allocate(count * width * Float.BYTES, ALIGNMENT);
      RowDequantizer.dequantize(tensor.type(), bytes, floats);
      return floats.toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
