package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Gemma 4. Layers with a window have heads of another size and other frequencies than those with
/// full attention, where frequencies are divided. Values are normed too and may be the keys.
/// Experts work beside a dense part (26B-A4B). In E2B and E4B each token has an embedding for each
/// layer, and the last layers attend to keys and values of earlier ones.
final class Gemma4 extends Gemma {
  private static final int PERIOD = 6;

  Gemma4() {
    super(
        "gemma4",
        "Gemma 4 E2B, E4B, 12B, 31B and 26B-A4B (text)",
        "GELU, norms everywhere, heads of two sizes, windows; embeddings for each layer, shared"
            + " keys and values; experts beside a dense part");
  }

  @Override
  public boolean hasRopeFactors() {
    return true;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer =
        attention(keys, index).withTokenInputs(keys.count("embedding_length_per_layer_input"));
    int own = keys.layers() - keys.count("attention.shared_kv_layers");
    return KeySharing.of(keys, index, own, PERIOD).map(layer::withSharedKeys).orElse(layer);
  }

  private LayerConfig attention(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    if (!keys.windowed(index, PERIOD)) {
      return layer;
    }
    int headSize = keys.positive("attention.key_length_swa");
    keys.requireEqual("attention.value_length_swa", headSize, "as for the keys");
    RopeParameters rope = layer.rope().orElseThrow();
    int dimensions = keys.positive("rope.dimension_count_swa", rope.dimensions());
    double base = keys.real("rope.freq_base_swa", 10000);
    RopeParameters inWindow =
        RopeMetadata.ofWindow(RopeMetadata.rotating(rope, dimensions), base, 1);
    return layer.withAttention(
        layer
            .attention()
            .withHeadSize(headSize)
            .withWindow(keys.positive("attention.sliding_window"))
            .withRope(Optional.of(inWindow), false));
  }

  @Override
  RopeParameters rope(ModelKeys keys, int headSize) {
    return partialRope(keys, headSize);
  }

  @Override
  public float attentionScale(ModelKeys keys) {
    return 1;
  }

  @Override
  public boolean normsValues() {
    return true;
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.DENSE, FeedForwardForm.EXPERTS);
  }

  @Override
  public @Nullable Experts experts(ModelKeys keys) {
    return softMaxExperts(keys, "expert_feed_forward_length", true);
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    list.frozen("attn_norm.weight", width);
    attentionTensors(list, layer, width);
    if (layer.borrowsKeys()) {
      list.frozen("attn_q_norm.weight", layer.headSize());
    } else {
      headNorms(list, layer);
    }
    list.frozen("post_attention_norm.weight", width);
    list.frozen("ffn_norm.weight", width);
    feedForwardTensors(list, layer, width);
    if (experts != null) {
      expertTensors(list, experts, width);
    }
    list.frozen("post_ffw_norm.weight", width);
    tokenInputTensors(list, layer, width);
    list.optionalVector("layer_output_scale.weight", 1);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    if (layer.borrowsKeys()) {
      list.matrix("attn_q", width, layer.queryWidth());
      unusedKeys(list, layer, width);
    } else if (list.isPresent("attn_qkv.weight")) {
      list.matrix("attn_qkv", width, layer.queryWidth() + 2L * layer.keyValueWidth());
    } else {
      list.matrix("attn_q", width, layer.queryWidth());
      list.matrix("attn_k", width, layer.keyValueWidth());
      list.optionalMatrix("attn_v", width, layer.keyValueWidth());
    }
    list.matrix("attn_output", layer.queryWidth(), width);
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    list.frozen("post_ffw_norm_1.weight", width);
    list.frozen("pre_ffw_norm_2.weight", width);
    list.frozen("ffn_gate_inp.weight", width, experts.count());
    list.frozen("ffn_gate_inp.scale", width);
    expertMatrices(list, experts, width);
    list.optionalVector("ffn_down_exps.scale", experts.count());
    list.frozen("post_ffw_norm_2.weight", width);
  }

  @Override
  public void ropeFactorTensors(TensorList list, LayerConfig rotated) {
    list.frozen("rope_freqs.weight", rotated.headSize() / 2);
  }
}
