package io.lorikeet.train.settings;

/// Old data that is mixed into training, so that old skills aren't unlearned.
///
/// @param source its files, with the weight 1
/// @param share of all examples that are trained on
public record ReplaySource(DataSource source, double share) {
  private static final DecimalRange SHARES = new DecimalRange(1e-6, 0.99);

  public ReplaySource {
    if (!SHARES.contains(share)) {
      throw new IllegalArgumentException("the share must be " + SHARES + ", is " + share);
    }
  }

  /// `FILE:SHARE`.
  static ReplaySource parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon <= 0) {
      throw new IllegalArgumentException(
          "expected FILE:SHARE, such as old.jsonl:0.2, found '" + text + "'");
    }
    return new ReplaySource(
        DataSource.of(text.substring(0, colon)), SHARES.parse(text.substring(colon + 1)));
  }

  /// As [#parse] reads it, with the whole path.
  String text() {
    return source.absolutePath() + ":" + share;
  }
}
