package io.lorikeet.train.data;

/// Random orders that depend on a seed alone, and not on the Java they are made with: SplitMix64
/// (Steele, Lea, Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014) and Fisher and Yates' shuffle.
public final class Shuffle {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private long state;

  private Shuffle(long state) {
    this.state = state;
  }

  /// The numbers below n in random order.
  ///
  /// @param stream different streams of one seed have nothing to do with each other
  public static int[] order(int n, long seed, long stream) {
    Shuffle random = new Shuffle(mix(mix(seed) + stream));
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      int other = random.below(i + 1);
      order[i] = order[other];
      order[other] = i;
    }
    return order;
  }

  /// Uniform in `[0, bound)`, up to a bias of bound / 2^64.
  private int below(int bound) {
    state += GAMMA;
    return (int) Math.unsignedMultiplyHigh(mix(state), bound);
  }

  /// A number that looks random.
  static long mix(long value) {
    long mixed = (value ^ value >>> 30) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
    return mixed ^ mixed >>> 31;
  }
}
