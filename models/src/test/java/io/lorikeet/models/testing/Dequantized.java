package io.lorikeet.models.testing;

import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_to_float_t;
import io.lorikeet.ggml.ggml_type_traits;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The values of a tensor of any type, by ggml's own `to_float`: what a quantized weight stands
/// for.
public final class Dequantized {
  private Dequantized() {}

  /// Values of a file's tensor, row after row.
  public static float[] floats(GgufFile file, String tensor) {
    GgufTensor found =
        file.tensor(tensor)
            .orElseThrow(
                () -> new IllegalArgumentException(file.path() + " has no tensor " + tensor));
    return floats(found.type(), file.data(found), found.elements());
  }

  /// The same, widened.
  public static double[] doubles(GgufFile file, String tensor) {
    float[] values = floats(file, tensor);
    double[] wide = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  /// Values of `elements` elements of this type.
  ///
  /// @param data native memory that holds at least those
  public static float[] floats(TensorType type, MemorySegment data, long elements) {
    MemorySegment bytes = data.asSlice(0, type.rowBytes(elements));
    if (type == TensorType.F32) {
      return bytes.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }
    NativeLibrary.load();
    MemorySegment toFloat = ggml_type_traits.to_float(Ggml.ggml_get_type_traits(type.id()));
    if (toFloat.equals(MemorySegment.NULL)) {
      throw new IllegalArgumentException(type.ggmlName() + " doesn't stand for numbers");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(elements * Float.BYTES, 64);
      ggml_to_float_t.invoke(toFloat, bytes, floats, elements);
      return floats.toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
