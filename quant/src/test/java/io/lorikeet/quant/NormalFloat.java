package io.lorikeet.quant;

/// QLoRA's 4-bit NormalFloat (Dettmers et al. 2023, arXiv 2305.14314): blocks of 64 numbers, each
/// block's largest magnitude as its scale, and sixteen levels that are quantiles of the normal
/// distribution (appendix E). With double quantization the scales themselves are 8-bit numbers, in
/// blocks of 256 less their mean.
final class NormalFloat {
  private static final int BLOCK = 64;
  private static final int SCALES_PER_BLOCK = 256;

  /// Appendix E of the paper.
  private static final float[] LEVELS = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f
  };

  private NormalFloat() {}

  /// Bits of a number: four, and its share of the scales.
  static double bitsPerWeight(boolean doubleQuantization) {
    return doubleQuantization
        ? 4 + 8.0 / BLOCK + 32.0 / (BLOCK * SCALES_PER_BLOCK)
        : 4 + 32.0 / BLOCK;
  }

  /// The numbers as they come back.
  static float[] roundTrip(float[] numbers, boolean doubleQuantization) {
    float[] scales = new float[numbers.length / BLOCK];
    for (int i = 0; i < numbers.length; i++) {
      scales[i / BLOCK] = Math.max(scales[i / BLOCK], Math.abs(numbers[i]));
    }
    float[] stored = doubleQuantization ? eightBit(scales) : scales;
    float[] result = new float[numbers.length];
    for (int i = 0; i < numbers.length; i++) {
      result[i] = nearest(numbers[i] / scales[i / BLOCK]) * stored[i / BLOCK];
    }
    return result;
  }

  private static float nearest(float value) {
    float best = LEVELS[0];
    for (float level : LEVELS) {
      best = Math.abs(level - value) < Math.abs(best - value) ? level : best;
    }
    return best;
  }

  /// Scales less their mean, in 255 steps of their block's largest magnitude. (bitsandbytes spaces
  /// its 8-bit levels unevenly; the error is as small either way.)
  private static float[] eightBit(float[] scales) {
    double mean = 0;
    for (float scale : scales) {
      mean += scale / (double) scales.length;
    }
    float[] result = new float[scales.length];
    for (int from = 0; from < scales.length; from += SCALES_PER_BLOCK) {
      int to = Math.min(scales.length, from + SCALES_PER_BLOCK);
      double largest = 0;
      for (int i = from; i < to; i++) {
        largest = Math.max(largest, Math.abs(scales[i] - mean));
      }
      for (int i = from; i < to; i++) {
        double step = largest / 127;
        result[i] = (float) (Math.rint((scales[i] - mean) / step) * step + mean);
      }
    }
    return result;
  }
}
