package io.lorikeet.quant.convert;

import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.WritableByteChannel;

/// Writes a tensor's rows in the type that the file has, a piece at a time.
final class RowEncoder {
  private static final int PIECE = 1 << 18;
  private static final float MOST_IN_F16 = 65504;

  private final WeightRows rows;
  private final TensorType type;

  private RowEncoder(WeightRows rows, TensorType type) {
    this.rows = rows;
    this.type = type;
  }

  static TensorSource source(WeightRows rows, TensorType type) {
    return new RowEncoder(rows, type)::write;
  }

  private void write(WritableByteChannel channel) throws IOException {
    int width = rows.width();
    int most = (int) Math.max(1, Math.min(rows.rows(), PIECE / width));
    float[] row = new float[width];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate((long) most * width * Float.BYTES, Float.BYTES);
      MemorySegment bytes = arena.allocate(most * type.rowBytes(width), 32);
      for (long from = 0; from < rows.rows(); from += most) {
        int count = (int) Math.min(most, rows.rows() - from);
        for (int i = 0; i < count; i++) {
          rows.reader().read(from + i, row);
          check(row);
          MemorySegment.copy(
              row, 0, floats, ValueLayout.JAVA_FLOAT, (long) i * width * Float.BYTES, width);
        }
        MemorySegment piece = floats.asSlice(0, (long) count * width * Float.BYTES);
        MemorySegment encoded = bytes.asSlice(0, count * type.rowBytes(width));
        if (type == TensorType.F32) {
          encoded = piece;
        } else {
          RowQuantizer.quantize(type, piece, width, encoded);
        }
        channel.write(encoded.asByteBuffer());
      }
    }
  }

  /// Numbers too large for F16 would become infinite and the model useless. NaN and infinity make
  /// ggml's quantizers end the process.
  private void check(float[] row) {
    for (float value : row) {
      if (!Float.isFinite(value)) {
        throw new InvalidInputException(
            "'%s' has a weight that is %s. The model is damaged".formatted(rows.origin(), value));
      }
      if (type == TensorType.F16 && Math.abs(value) > MOST_IN_F16) {
        throw new InvalidInputException(
            "'%s' has a weight of %s, more than F16 holds. Choose BF16 or F32"
                .formatted(rows.origin(), value));
      }
    }
  }
}
