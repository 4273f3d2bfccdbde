package io.lorikeet.models.random;

import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.SplittableRandom;

/// Normally distributed values, quantized by ggml. Of a large tensor only the first half million
/// are drawn; the other rows repeat those in random order, so that a model of a billion weights
/// takes seconds.
///
/// @param type any type that quantizes without an importance matrix
/// @param rowLength ne0
/// @param rows all other dimensions
/// @param mean mean of the values; where it isn't 0 they have its sign, for a single rate of growth
///     among those of decay makes a state infinite
/// @param deviation their standard deviation
/// @param seed decides the values
record RandomTensor(
    TensorType type, int rowLength, int rows, double mean, double deviation, long seed)
    implements TensorSource {
  private static final int DISTINCT_VALUES = 1 << 19;
  private static final int BUFFER_BYTES = 1 << 20;

  @Override
  public void writeTo(WritableByteChannel channel) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    int distinct = Math.min(rows, Math.max(1, DISTINCT_VALUES / rowLength));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = quantize(arena, random, distinct);
      TensorSource.of(bytes).writeTo(channel);
      repeat(channel, random, bytes, rows - distinct, distinct);
    }
  }

  private MemorySegment quantize(Arena arena, SplittableRandom random, int count) {
    long elements = (long) count * rowLength;
    MemorySegment floats = arena.allocate(elements * Float.BYTES, 64);
    for (long i = 0; i < elements; i++) {
      double value = mean + deviation * random.nextGaussian();
      floats.setAtIndex(
          ValueLayout.JAVA_FLOAT, i, (float) (mean == 0 ? value : Math.copySign(value, mean)));
    }
    MemorySegment bytes = arena.allocate(count * type.rowBytes(rowLength), 64);
    RowQuantizer.quantize(type, floats, rowLength, bytes);
    return bytes;
  }

  private void repeat(
      WritableByteChannel channel,
      SplittableRandom random,
      MemorySegment pool,
      int count,
      int distinct)
      throws IOException {
    int rowBytes = Math.toIntExact(type.rowBytes(rowLength));
    int rowsAtOnce = Math.max(1, BUFFER_BYTES / rowBytes);
    ByteBuffer buffer = ByteBuffer.allocateDirect(Math.min(count, rowsAtOnce) * rowBytes);
    for (int done = 0; done < count; done += rowsAtOnce) {
      buffer.clear();
      for (int row = done; row < Math.min(count, done + rowsAtOnce); row++) {
        buffer.put(
            pool.asSlice((long) random.nextInt(distinct) * rowBytes, rowBytes).asByteBuffer());
      }
      channel.write(buffer.flip());
    }
  }
}
