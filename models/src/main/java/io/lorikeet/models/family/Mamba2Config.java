package io.lorikeet.models.family;

import io.lorikeet.quant.InvalidInputException;

/// The sizes of a layer's state space (Mamba-2, arXiv 2405.21060).
///
/// @param heads each with a state
/// @param headSize elements that a head takes and gives
/// @param groups of neighbouring heads that share what they write with and what they read with
/// @param stateSize elements of the state for each of a head's
/// @param kernel tokens that the convolution before it reaches, the token itself included
public record Mamba2Config(int heads, int headSize, int groups, int stateSize, int kernel)
    implements StateConfig {

  static Mamba2Config of(ModelKeys keys) {
    int heads = keys.positive("ssm.time_step_rank");
    int width = keys.positive("ssm.inner_size");
    int groups = keys.positive("ssm.group_count");
    if (width % heads != 0 || heads % groups != 0) {
      throw new InvalidInputException(
          "%s: a state space %s wide can't have %s heads in %s groups"
              .formatted(keys.source(), width, heads, groups));
    }
    return new Mamba2Config(
        heads,
        width / heads,
        groups,
        keys.positive("ssm.state_size"),
        keys.positive("ssm.conv_kernel"));
  }

  @Override
  public boolean isChunked() {
    return true;
  }

  /// Elements of all heads.
  public int width() {
    return heads * headSize;
  }

  /// Elements that all groups write with, or read with.
  public int groupWidth() {
    return groups * stateSize;
  }

  /// Channels of the convolution.
  public int convolved() {
    return width() + 2 * groupWidth();
  }

  /// Its tensors in a layer: projected are a gate, the channels of the convolution, and a time step
  /// for each head.
  void tensors(TensorList list, int embedding) {
    tensorsButNorm(list, embedding);
    list.frozen("ssm_norm.weight", width() / groups, groups);
  }

  /// The same without the norm of what the heads give.
  void tensorsButNorm(TensorList list, int embedding) {
    list.matrix("ssm_in", embedding, width() + convolved() + heads);
    list.frozen("ssm_conv1d.weight", kernel, convolved());
    list.frozen("ssm_conv1d.bias", convolved());
    list.frozen("ssm_dt.bias", heads);
    list.frozen("ssm_a", 1, heads);
    list.frozen("ssm_d", 1, heads);
    list.matrix("ssm_out", width(), embedding);
  }
}
