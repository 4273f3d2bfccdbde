package io.lorikeet.models.merge;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.bindings.RowQuantizer;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraPair;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("slow")
class MergedMatrixTest {
  private static final int COLUMNS = 512;
  private static final int ROWS = 130; // no multiple of what is computed at a time
  private static final int RANK = 6;

  private final SplittableRandom random = new SplittableRandom(11);

  private float[] gaussians(int count, double deviation) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }

  private static MemorySegment quantized(Arena arena, TensorType type, float[] values) {
    MemorySegment floats = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    MemorySegment bytes = arena.allocate(type.rowBytes(COLUMNS) * ROWS, 64);
    float[] ones = new float[COLUMNS];
    Arrays.fill(ones, 1);
    if (RowQuantizer.needsImportance(type)) {
      MemorySegment importance = arena.allocateFrom(ValueLayout.JAVA_FLOAT, ones);
      RowQuantizer.quantize(type, floats, COLUMNS, importance, bytes);
    } else {
      RowQuantizer.quantize(type, floats, COLUMNS, bytes);
    }
    return bytes;
  }

  /// @param size of the update's elements; the weights' is 1
  private LoraPair pair(double size) {
    float[] a = gaussians(COLUMNS * RANK, 1);
    float[] b = gaussians(RANK * ROWS, size / Math.sqrt(RANK));
    return new LoraPair("blk.0.ffn_up.weight", COLUMNS, ROWS, RANK, a, b);
  }

  private static Survival merge(
      TensorType type, MemorySegment base, LoraPair pair, Rounding rounding, MemorySegment out) {
    List<MergedMatrix.ScaledPair> parts = List.of(new MergedMatrix.ScaledPair(pair, 1));
    Survival survival = new Survival();
    MergedMatrix.adapted(type, type, parts, rounding, null).merge(0, base, out, survival);
    return survival;
  }

  /// An update of a hundredth of the weights' size is less than half a step of 4 bits: rounding to
  /// the nearest loses it, dithering keeps it.
  @ParameterizedTest
  @EnumSource(names = {"Q4_0", "Q4_1", "IQ4_NL", "IQ4_XS", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "MXFP4"})
  void smallUpdatesSurviveOnlyDithered(TensorType type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
      MemorySegment out = arena.allocate(base.byteSize(), 64);
      LoraPair pair = pair(0.01);
      Survival nearest = merge(type, base, pair, Rounding.NEAREST, out);
      Survival dithered = merge(type, base, pair, Rounding.DITHERED, out);
      assertTrue(nearest.kept() < 0.3, "nearest " + nearest.kept());
      assertTrue(dithered.kept() > 0.8 && dithered.kept() < 1.1, "dithered " + dithered.kept());
    }
  }

  /// An update of the weights' own size moves blocks out of their range, which then get new scales.
  @ParameterizedTest
  @EnumSource(
      names = {
        "F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q4_0", "IQ4_XS", "IQ4_NL", "MXFP4",
        "NVFP4", "Q3_K", "Q2_K", "IQ3_S", "IQ3_XXS", "IQ2_XXS", "IQ1_S"
      })
  void largeUpdatesSurviveInAnyType(TensorType type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
      MemorySegment out = arena.allocate(base.byteSize(), 64);
      double bits = 8.0 * type.blockBytes() / type.blockSize();
      double tolerance = bits > 8 ? 0.01 : bits > 4 ? 0.05 : 0.5;
      for (Rounding rounding : Rounding.values()) {
        double kept = merge(type, base, pair(1), rounding, out).kept();
        assertEquals(1, kept, tolerance, rounding + " kept " + kept);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q4_0", "Q4_K", "IQ4_XS", "Q6_K", "Q8_0"})
  void withoutUpdateNothingChanges(TensorType type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
      MemorySegment out = arena.allocate(base.byteSize(), 64);
      merge(type, base, pair(0), Rounding.DITHERED, out);
      assertArrayEquals(base.toArray(ValueLayout.JAVA_BYTE), out.toArray(ValueLayout.JAVA_BYTE));
    }
  }

  /// An element's rounding depends on its own update and place alone: when another column is
  /// updated too, it stays as it was. Training through the rounding relies on that.
  @ParameterizedTest
  @EnumSource(names = {"Q4_0", "Q4_K", "IQ4_XS", "Q5_K"})
  void elementsAreRoundedApart(TensorType type) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
      MemorySegment some = arena.allocate(base.byteSize(), 64);
      MemorySegment more = arena.allocate(base.byteSize(), 64);
      LoraPair pair = pair(0.02);
      for (int c = 0; c < COLUMNS; c += 3) {
        clearColumn(pair, c);
      }
      merge(type, base, pair, Rounding.DITHERED, more);
      for (int c = 1; c < COLUMNS; c += 3) {
        clearColumn(pair, c);
      }
      merge(type, base, pair, Rounding.DITHERED, some);
      float[] before = RowDequantizer.floats(type, base);
      float[] one = RowDequantizer.floats(type, some);
      float[] two = RowDequantizer.floats(type, more);
      int changed = 0;
      int others = 0;
      for (int i = 0; i < before.length; i++) {
        if (i % COLUMNS % 3 == 2) {
          changed += one[i] != before[i] ? 1 : 0;
          others += one[i] != two[i] ? 1 : 0;
        } else if (i % COLUMNS % 3 == 0) {
          assertEquals(before[i], two[i]);
        }
      }
      assertTrue(changed > 100, "changed " + changed);
      assertEquals(0, others, "of " + changed);
    }
  }

  private static void clearColumn(LoraPair pair, int column) {
    for (int j = 0; j < RANK; j++) {
      pair.a()[j * COLUMNS + column] = 0;
    }
  }

  /// The figures, from their definitions.
  @Test
  void survivalIsWhatItSays() {
    TensorType type = TensorType.Q4_K;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
      MemorySegment out = arena.allocate(base.byteSize(), 64);
      LoraPair pair = pair(0.1);
      Survival survival = merge(type, base, pair, Rounding.DITHERED, out);
      float[] before = RowDequantizer.floats(type, base);
      float[] after = RowDequantizer.floats(type, out);
      double common = 0;
      double update = 0;
      for (int i = 0; i < before.length; i++) {
        double delta = 0;
        for (int j = 0; j < RANK; j++) {
          delta += pair.b()[i / COLUMNS * RANK + j] * (double) pair.a()[j * COLUMNS + i % COLUMNS];
        }
        common += (after[i] - before[i]) * delta;
        update += delta * delta;
      }
      assertEquals(common / update, survival.kept(), 1e-4);
      assertEquals(Math.sqrt(update), survival.updateNorm(), 1e-4 * survival.updateNorm());
      Survival measured = new Survival();
      MergedMatrix.adapted(
              type, type, List.of(new MergedMatrix.ScaledPair(pair, 1)), Rounding.NEAREST, null)
          .measure(0, base, out, measured);
      assertEquals(survival.kept(), measured.kept(), 1e-12);
      assertEquals(survival.noise(), measured.noise(), 1e-12);
    }
  }

  /// Several threads, and rows in pieces, give the same bytes and figures as one call.
  @Test
  void threadsMakeNoDifference() {
    TensorType type = TensorType.Q4_0;
    try (Arena arena = Arena.ofShared();
        MergePool pool = new MergePool(3)) {
      MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
      MemorySegment expected = arena.allocate(base.byteSize(), 64);
      MemorySegment out = arena.allocate(base.byteSize(), 64);
      LoraPair pair = pair(0.1);
      Survival survival = merge(type, base, pair, Rounding.DITHERED, expected);
      Survival own = new Survival();
      MergedMatrix matrix =
          MergedMatrix.adapted(
              type, type, List.of(new MergedMatrix.ScaledPair(pair, 1)), Rounding.DITHERED, null);
      pool.merge(matrix, 0, base, out, own);
      assertArrayEquals(
          expected.toArray(ValueLayout.JAVA_BYTE), out.toArray(ValueLayout.JAVA_BYTE));
      assertEquals(survival.kept(), own.kept(), 1e-12);
    }
  }

  /// Two adapters are merged as their sum.
  @Test
  void partsAddUp() {
    TensorType type = TensorType.F32;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
      MemorySegment once = arena.allocate(base.byteSize(), 64);
      MemorySegment twice = arena.allocate(base.byteSize(), 64);
      MemorySegment both = arena.allocate(base.byteSize(), 64);
      MergedMatrix.ScaledPair first = new MergedMatrix.ScaledPair(pair(1), 0.5f);
      MergedMatrix.ScaledPair second = new MergedMatrix.ScaledPair(pair(0.3), -2);
      MergedMatrix.adapted(type, type, List.of(first), Rounding.DITHERED, null)
          .merge(0, base, once, null);
      MergedMatrix.adapted(type, type, List.of(second), Rounding.DITHERED, null)
          .merge(0, once, twice, null);
      MergedMatrix.adapted(type, type, List.of(first, second), Rounding.DITHERED, null)
          .merge(0, base, both, null);
      assertArrayEquals(
          twice.toArray(ValueLayout.JAVA_FLOAT), both.toArray(ValueLayout.JAVA_FLOAT), 1e-5f);
    }
  }

  /// Errors of columns that matter more are smaller, and the error by importance is smaller than
  /// without a matrix.
  @ParameterizedTest
  @EnumSource(Rounding.class)
  void importanceDirectsTheErrors(Rounding rounding) {
    float[] importance = new float[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      importance[i] = i % 2 == 0 ? 1 : 0.01f;
    }
    for (TensorType type : List.of(TensorType.Q4_0, TensorType.Q4_K, TensorType.IQ4_XS)) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
        List<MergedMatrix.ScaledPair> parts = List.of(new MergedMatrix.ScaledPair(pair(0.5), 1));
        double[] plain = errors(type, base, parts, rounding, null);
        double[] directed = errors(type, base, parts, rounding, importance);
        assertTrue(directed[0] < 0.9 * directed[1], type + Arrays.toString(directed));
        assertTrue(
            directed[0] + 0.01 * directed[1] < 0.92 * (plain[0] + 0.01 * plain[1]),
            type + Arrays.toString(plain) + Arrays.toString(directed));
      }
    }
  }

  /// Of small updates no column gets more or less than its own, whatever its importance.
  @Test
  void importanceTakesNothingFromSmallUpdates() {
    float[] importance = new float[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      importance[i] = i % 2 == 0 ? 1 : 0.01f;
    }
    TensorType type = TensorType.Q4_K;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment base = quantized(arena, type, gaussians(COLUMNS * ROWS, 1));
      List<MergedMatrix.ScaledPair> parts = List.of(new MergedMatrix.ScaledPair(pair(0.01), 1));
      assertArrayEquals(
          errors(type, base, parts, Rounding.DITHERED, null),
          errors(type, base, parts, Rounding.DITHERED, importance));
    }
  }

  /// Squared errors of the even and of the odd columns.
  private static double[] errors(
      TensorType type,
      MemorySegment base,
      List<MergedMatrix.ScaledPair> parts,
      Rounding rounding,
      float[] importance) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment exact = arena.allocate((long) COLUMNS * ROWS * Float.BYTES, 64);
      MemorySegment out = arena.allocate(base.byteSize(), 64);
      MergedMatrix.adapted(type, TensorType.F32, parts, Rounding.NEAREST, null)
          .merge(0, base, exact, null);
      MergedMatrix.adapted(type, type, parts, rounding, importance).merge(0, base, out, null);
      float[] wanted = exact.toArray(ValueLayout.JAVA_FLOAT);
      float[] merged = RowDequantizer.floats(type, out);
      double[] errors = new double[2];
      for (int i = 0; i < merged.length; i++) {
        double error = merged[i] - wanted[i];
        errors[i % 2] += error * error;
      }
      return errors;
    }
  }
}
