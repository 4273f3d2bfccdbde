package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// gpt-oss: biases everywhere, attention sinks, a window in every second layer, experts weighted
/// among the chosen and with a gating of their own.
final class GptOss extends Family {
  GptOss() {
    super("gpt-oss", "gpt-oss 20B and 120B", "sinks, windows, biases; experts in MXFP4");
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    if (!keys.windowed(index, 2)) {
      return layer;
    }
    double base = keys.real("rope.freq_base_swa", layer.rope().orElseThrow().frequencyBase());
    int window = keys.positive("attention.sliding_window");
    return layer.withWindow(window, base, RopeMetadata.frequencyScale(keys));
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  public Activation activation() {
    return Activation.CLAMPED_SILU;
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.EXPERTS);
  }

  @Override
  public Experts experts(ModelKeys keys) {
    return new Experts(
        keys.positive("expert_count"),
        keys.positive("expert_used_count"),
        keys.ofLayer("expert_feed_forward_length", 0, 0),
        0,
        Experts.Gating.SOFTMAX_OF_CHOSEN,
        false);
  }

  /// Its name says where it stands, not what it norms.
  @Override
  public String feedForwardNorm() {
    return POST_ATTENTION;
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    list.frozen("attn_norm.weight", width);
    attentionTensors(list, layer, width);
    list.frozen("attn_output.bias", width);
    list.frozen("attn_sinks.weight", layer.heads());
    list.frozen("post_attention_norm.weight", width);
    expertTensors(list, Objects.requireNonNull(experts, "all gpt-oss have experts"), width);
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    super.expertTensors(list, experts, width);
    list.frozen("ffn_gate_inp.bias", experts.count());
    list.frozen("ffn_gate_exps.bias", experts.width(), experts.count());
    list.frozen("ffn_up_exps.bias", experts.width(), experts.count());
    list.frozen("ffn_down_exps.bias", width, experts.count());
  }

  @Override
  public void outerTensors(TensorList list, int width, int vocabulary) {
    list.frozen("output_norm.weight", width);
    list.matrix("output", width, vocabulary);
  }
}
