package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Set;

/// ggml's own quantization of rows of numbers (`ggml_quantize_chunk`); [RowDequantizer]
/// is the way back.
public final class RowQuantizer {
  /// The other types are ggml's for intermediate results, or useless without importances.
  private static final Set<TensorType> TYPES =
      EnumSet.of(
          TensorType.F32,
          TensorType.F16,
          TensorType.BF16,
          TensorType.Q8_0,
          TensorType.Q6_K,
          TensorType.Q5_K,
          TensorType.Q5_1,
          TensorType.Q5_0,
          TensorType.Q4_K,
          TensorType.Q4_1,
          TensorType.Q4_0,
          TensorType.IQ4_NL,
          TensorType.IQ4_XS,
          TensorType.MXFP4,
          TensorType.NVFP4,
          TensorType.Q3_K,
          TensorType.IQ3_S,
          TensorType.Q2_K,
          TensorType.TQ2_0,
          TensorType.TQ1_0);

  /// ggml ends the process, or gives rows of little use, when it makes these without importances.
  private static final Set<TensorType> TYPES_BY_IMPORTANCE =
      EnumSet.of(
          TensorType.IQ3_XXS,
          TensorType.IQ2_S,
          TensorType.IQ2_XS,
          TensorType.IQ2_XXS,
          TensorType.IQ1_M,
          TensorType.IQ1_S);

  private RowQuantizer() {}

  /// The types that rows can be quantized to without importances.
  public static Set<TensorType> types() {
    return EnumSet.copyOf(TYPES);
  }

  /// Whether rows are quantized to this type only with importances.
  public static boolean needsImportance(TensorType type) {
    return TYPES_BY_IMPORTANCE.contains(type);
  }

  /// Quantizes rows without importances.
  ///
  /// @param floats native memory, F32 `[rowLength, rows]`
  /// @param rowLength elements of a row, a multiple of the type's block size
  /// @param bytes native memory for exactly the quantized rows
  /// @throws IllegalArgumentException for a type that isn't one of [#types], and when the sizes
  ///     don't fit together
  public static void quantize(
      TensorType type, MemorySegment floats, long rowLength, MemorySegment bytes) {
    if (!TYPES.contains(type)) {
      throw new IllegalArgumentException("rows can't be quantized to " + type);
    }
    quantizeChecked(type, floats, rowLength, MemorySegment.NULL, bytes);
  }

  /// Quantizes rows so that errors count by the importance of their column, as `llama-quantize
  /// --imatrix` does. Types that aren't quantized in blocks ignore it.
  ///
  /// @param floats native memory, F32 `[rowLength, rows]`
  /// @param rowLength elements of a row, a multiple of the type's block size
  /// @param importance native memory, F32 `[rowLength]`: finite, not negative, at least one
  ///     positive
  /// @param bytes native memory for exactly the quantized rows
  /// @throws IllegalArgumentException for a type that ggml doesn't quantize to, and when the sizes
  ///     don't fit together
  public static void quantize(
      TensorType type,
      MemorySegment floats,
      long rowLength,
      MemorySegment importance,
      MemorySegment bytes) {
    if (!TYPES.contains(type) && !TYPES_BY_IMPORTANCE.contains(type)) {
      throw new IllegalArgumentException("rows can't be quantized to " + type);
    }
    if (importance.byteSize() != rowLength * Float.BYTES) {
      throw new IllegalArgumentException(
          importance.byteSize() + " bytes aren't the importances of " + rowLength + " columns");
    }
    quantizeChecked(type, floats, rowLength, importance, bytes);
  }

  private static void quantizeChecked(
      TensorType type,
      MemorySegment floats,
      long rowLength,
      MemorySegment importance,
      MemorySegment bytes) {
    long rowBytes = type.rowBytes(rowLength);
    long rows = rowLength == 0 ? 0 : floats.byteSize() / Float.BYTES / rowLength;
    if (rows == 0
        || floats.byteSize() != rows * rowLength * Float.BYTES
        || bytes.byteSize() != rows * rowBytes) {
      throw new IllegalArgumentException(
          "%s bytes of rows of %s F32 values don't become %s bytes of %s"
              .formatted(floats.byteSize(), rowLength, bytes.byteSize(), type));
    }
    NativeLibrary.load();
    Ggml.ggml_quantize_chunk(type.id(), floats, bytes, 0, rows, rowLength, importance);
  }
}
