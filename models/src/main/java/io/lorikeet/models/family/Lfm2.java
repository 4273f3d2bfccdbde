package io.lorikeet.models.family;

import io.lorikeet.quant.InvalidInputException;
import org.jspecify.annotations.Nullable;

/// LFM2 (dense). In most layers a gated convolution over a few tokens mixes them:
///
///     b, c, x = in_proj x
///     y       = out_proj(c · convolution(b · x)), a causal one of each channel
///
/// The others attend, with norms of each head's query and key; they are those with heads of keys.
/// The norm before the head is called `token_embd_norm`.
sealed class Lfm2 extends Family permits Lfm2Moe {
  Lfm2() {
    this("lfm2", "LFM2 and LFM2.5 350M to 2.6B", "gated short convolutions");
  }

  Lfm2(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    keys.requireAbsentOrZero("attention.sliding_window", "windows");
    return keys.attends(index)
        ? super.layer(keys, index)
        : LayerConfig.carrying(convolution(keys), feedForward(keys, index));
  }

  private static ShortConvolutionConfig convolution(ModelKeys keys) {
    int kernel = keys.positive("shortconv.l_cache");
    if (kernel < 2) {
      throw new InvalidInputException(
          "%s: convolutions over a single token (shortconv.l_cache) aren't supported"
              .formatted(keys.source()));
    }
    return new ShortConvolutionConfig(kernel);
  }

  @Override
  public String outputNorm() {
    return "token_embd_norm.weight";
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    if (layer.state().isEmpty()) {
      headNorms(list, layer);
    }
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    if (layer.state().orElse(null) instanceof ShortConvolutionConfig(int kernel)) {
      list.matrix("shortconv.in_proj", width, 3L * width);
      list.frozen("shortconv.conv.weight", kernel, width);
      list.matrix("shortconv.out_proj", width, width);
    } else {
      super.attentionTensors(list, layer, width);
    }
  }
}
