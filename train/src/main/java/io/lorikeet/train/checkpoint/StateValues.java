package io.lorikeet.train.checkpoint;

import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;

/// Keys and values of a run's state in the metadata of a checkpoint.
public final class StateValues {
  private StateValues() {}

  /// The key of a part of the state, such as `best.loss`.
  public static String key(String name) {
    return Checkpoint.PREFIX + name;
  }

  /// A whole number.
  public static GgufValue whole(long value) {
    return new GgufValue.Int(GgufType.INT64, value);
  }

  /// A real number.
  public static GgufValue real(double value) {
    return new GgufValue.Real(GgufType.FLOAT64, value);
  }
}
