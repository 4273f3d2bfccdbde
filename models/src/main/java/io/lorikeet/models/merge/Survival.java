package io.lorikeet.models.merge;

import java.util.Arrays;

/// The part of an update ΔW that rounding left: with Q the merged weight and W the base's, the
/// change Q - W compared with ΔW. Sums over as many elements as were added; sums of several parts
/// can be joined.
public final class Survival {
  private static final int LANES = 256;

  private double update;
  private double change;
  private double common;
  private long elements;
  private long changed;

  /// Nothing measured yet.
  public Survival() {}

  /// Adds elements: sums of every so many, which the compiler makes vector operations of.
  void add(float[] base, float[] delta, float[] merged) {
    double[] updates = new double[LANES];
    double[] changes = new double[LANES];
    double[] commons = new double[LANES];
    float[] before = new float[LANES];
    float[] d = new float[LANES];
    float[] after = new float[LANES];
    float[] counts = new float[LANES];
    for (int start = 0; start < base.length; start += LANES) {
      int count = Math.min(LANES, base.length - start);
      System.arraycopy(base, start, before, 0, count);
      System.arraycopy(delta, start, d, 0, count);
      System.arraycopy(merged, start, after, 0, count);
      for (int i = 0; i < count; i++) {
        float difference = after[i] - before[i];
        updates[i] += (double) d[i] * d[i];
        changes[i] += (double) difference * difference;
        commons[i] += (double) difference * d[i];
      }
      for (int i = 0; i < count; i++) {
        counts[i] += Math.abs(Math.signum(after[i] - before[i])); // 1 where they differ
      }
    }
    for (float count : counts) {
      changed += (long) count;
    }
    update += Arrays.stream(updates).sum();
    change += Arrays.stream(changes).sum();
    common += Arrays.stream(commons).sum();
    elements += base.length;
  }

  /// Adds another part's sums.
  public void add(Survival other) {
    update += other.update;
    change += other.change;
    common += other.common;
    changed += other.changed;
    elements += other.elements;
  }

  /// ⟨Q - W, ΔW⟩ / |ΔW|²: 1 when all of the update is kept, 0 when rounding removed it. NaN for an
  /// update of zero.
  public double kept() {
    return common / update;
  }

  /// |Q - W - kept · ΔW| / |ΔW|: the rest of the change, relative to the update.
  public double noise() {
    return Math.sqrt(Math.max(0, change - common * common / update) / update);
  }

  /// |Q - W - ΔW|², the squared error of the merged weight.
  public double squaredError() {
    return Math.max(0, change - 2 * common + update);
  }

  /// |ΔW|.
  public double updateNorm() {
    return Math.sqrt(update);
  }

  /// The share of elements whose value changed.
  public double changedShare() {
    return (double) changed / elements;
  }
}
