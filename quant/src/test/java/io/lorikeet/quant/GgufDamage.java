package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Damages the bytes of a GGUF file at random.
final class GgufDamage {
  /// Numbers at which checks go wrong.
  private static final long[] EXTREMES = {
    0,
    1,
    -1,
    2,
    3,
    7,
    8,
    31,
    32,
    63,
    64,
    255,
    256,
    1L << 16,
    Integer.MAX_VALUE,
    1L << 31,
    1L << 32,
    1L << 59,
    1L << 60,
    1L << 61,
    1L << 62,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MAX_VALUE - 31
  };

  private GgufDamage() {}

  /// A small file to damage, with keys of every kind.
  static GgufWriter sample() {
    return new GgufWriter()
        .putUint32("general.alignment", 32)
        .putString("general.architecture", "llama")
        .putUint64("u64", 1L << 40)
        .putFloat32("f32", 0.5f)
        .put("f64", new GgufValue.Real(GgufType.FLOAT64, 0.25))
        .put("u8", new GgufValue.Int(GgufType.UINT8, 200))
        .put("i16", new GgufValue.Int(GgufType.INT16, -2))
        .putBool("bool", true)
        .putStrings("strings", List.of("a", "", "bc"))
        .putFloats("floats", 1, 2, 3)
        .putInts("ints", 1, 2, 3, 4)
        .addTensor("a.weight", new long[] {4, 3}, new float[12])
        .addTensor("b.weight", TensorType.Q4_0, new long[] {64, 2}, zeros(72))
        .addTensor("c.weight", TensorType.Q6_K, new long[] {256}, zeros(210));
  }

  private static TensorSource zeros(int bytes) {
    return TensorSource.of(new byte[bytes]);
  }

  /// A damaged copy: one to four bits turned over, numbers replaced, pieces cut out or doubled.
  static byte[] apply(byte[] whole, SplittableRandom random) {
    byte[] damaged = whole.clone();
    int times = random.nextInt(1, 5);
    for (int i = 0; i < times && damaged.length > 8; i++) {
      int at = random.nextInt(damaged.length - 8);
      ByteBuffer buffer = ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN);
      long number = EXTREMES[random.nextInt(EXTREMES.length)];
      switch (random.nextInt(8)) {
        case 0, 1, 2 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
        case 3, 4 -> buffer.putLong(at, number);
        case 5 -> buffer.putInt(at, (int) number);
        case 6 -> damaged = Arrays.copyOf(damaged, at);
        default -> {
          // Everything from one place on moves to another, so that lengths and texts part.
          int from = random.nextInt(damaged.length - 8);
          System.arraycopy(damaged, from, damaged, at, damaged.length - Math.max(from, at));
        }
      }
    }
    return damaged;
  }
}
