package io.lorikeet.models.family;

/// The sizes of a layer's gated delta net: linear attention with a state (arXiv 2412.06464).
///
/// @param keyHeads heads of queries and of keys; divides `valueHeads`
/// @param valueHeads heads of values, each with a state
/// @param headSize elements of any head
/// @param grouped whether value head h goes with key head h / n of n for each, else with h mod key
///     heads
/// @param kernel tokens that the convolution before it reaches, the token itself included
public record DeltaNetConfig(
    int keyHeads, int valueHeads, int headSize, boolean grouped, int kernel)
    implements StateConfig {

  @Override
  public boolean isChunked() {
    return true;
  }

  /// Elements of all key heads.
  public int keyWidth() {
    return keyHeads * headSize;
  }

  /// Elements of all value heads.
  public int valueWidth() {
    return valueHeads * headSize;
  }

  /// Elements of queries, keys and values together.
  public int width() {
    return 2 * keyWidth() + valueWidth();
  }
}
