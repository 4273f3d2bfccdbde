package io.lorikeet.models.merge;

/// What rounding left of an update ΔW: with Q the merged weight and W the base's, the change Q - W
/// compared with ΔW. Sums over as many elements as were added; sums of several parts can be joined.
public final class Survival {
  private double update;
  private double change;
  private double common;
  private long elements;
  private long changed;

  /// Nothing measured yet.
  public Survival() {}

  /// Adds elements.
  void add(float[] base, float[] delta, float[] merged) {
    double updateSum = 0;
    double changeSum = 0;
    double commonSum = 0;
    long different = 0;
    for (int i = 0; i < base.length; i++) {
      double difference = merged[i] - base[i];
      double d = delta[i];
      updateSum += d * d;
      changeSum += difference * difference;
      commonSum += difference * d;
      different += difference != 0 ? 1 : 0;
    }
    update += updateSum;
    change += changeSum;
    common += commonSum;
    changed += different;
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

  /// ⟨Q - W, ΔW⟩ / |ΔW|²: 1 when the update is all there, 0 when rounding swallowed it. NaN for an
  /// update of zero.
  public double kept() {
    return common / update;
  }

  /// |Q - W - kept · ΔW| / |ΔW|: what changed besides, relative to the update.
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

  /// Elements measured.
  public long elements() {
    return elements;
  }
}
