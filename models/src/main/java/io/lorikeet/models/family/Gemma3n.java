package io.lorikeet.models.family;

import io.lorikeet.models.family.AttentionConfig.SharedKeys;
import org.jspecify.annotations.Nullable;

/// Gemma 3n (text). The hidden state of a token is four streams (AltUp, arXiv 2301.13310), of which
/// a layer computes with the first:
///
///     p      = streams + predict(streams), a mixture of the four with weights of each token
///     a      = p₁ + norm(attention(norm(p₁)))
///     h      = (a + laurel(norm(p₁))) / √2, where laurel(x) = x + norm(laurel_r(laurel_l x))
///     y      = h + norm(down(gelu(sparse(gate(norm(h)))) · up(norm(h))))
///     c      = p + (y - p₁) · correct, with a weight of each token for each stream
///     streams = c₁, and the others with norm(proj(gelu(inp_gate(scale · c₁)) · e)) added
///
/// In the first ten layers only gates above mean + 1.64 deviations are left, less that value. e is
/// the token's embedding for this layer. Windows, values, and the keys that later layers share are
/// as in [Gemma4]. Numbers that llama.cpp doesn't read from the file are constants here.
final class Gemma3n extends Gemma {
  private static final int PERIOD = 5;

  /// `n_layer_kv_from_start`, `n_embd_altup`, `laurel_rank`, `n_layer_sparsity`,
  /// `f_sparsity_std_mul` in llama.cpp.
  private static final int LAYERS_WITH_KEYS = 20;

  private static final int TOKEN_INPUTS = 256;
  private static final int RANK = 64;
  private static final int SPARSE_LAYERS = 10;
  private static final float DEVIATIONS = 1.6448533535003662f;

  /// Where llama.cpp caps the logits.
  private static final float CAP = 30;

  private static final int STREAMS = 4;

  Gemma3n() {
    super(
        "gemma3n",
        "Gemma 3n E2B and E4B (text)",
        "four streams, low-rank residuals, sparse GELU, windows; embeddings for each layer, shared"
            + " keys and values");
  }

  @Override
  public int streams() {
    return STREAMS;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    keys.requireEqual("altup.num_inputs", STREAMS, "as llama.cpp has it");
    keys.requireEqual("altup.active_idx", 0, "as llama.cpp has it");
    keys.requireEqual("embedding_length_per_layer_input", TOKEN_INPUTS, "as llama.cpp has it");
    LayerConfig layer =
        attention(keys, index)
            .withTokenInputs(TOKEN_INPUTS)
            .withSparsity(index < SPARSE_LAYERS ? DEVIATIONS : 0);
    return KeySharing.of(keys, index, LAYERS_WITH_KEYS, PERIOD)
        .map(layer::withSharedKeys)
        .orElse(layer);
  }

  private LayerConfig attention(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    if (!keys.windowed(index, PERIOD)) {
      return layer;
    }
    double base = keys.real("rope.freq_base_swa", 10000);
    return layer.withWindow(keys.positive("attention.sliding_window"), base, 1);
  }

  @Override
  public float attentionScale(ModelKeys keys) {
    return 1;
  }

  @Override
  public Scales scales(ModelKeys keys) {
    return new Scales(embeddingScale(keys), 1, 1, CAP, 0);
  }

  @Override
  public boolean normsValues() {
    return true;
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    list.frozen("altup_router_norm.weight", width);
    list.frozen("altup_router.weight", width, STREAMS);
    list.frozen("altup_predict_coef.weight", STREAMS, STREAMS * STREAMS);
    list.frozen("attn_norm.weight", width);
    attentionTensors(list, layer, width);
    headNorms(list, layer);
    list.frozen("post_attention_norm.weight", width);
    list.matrix("laurel_l", width, RANK);
    list.matrix("laurel_r", RANK, width);
    list.frozen("laurel_post_norm.weight", width);
    list.frozen("ffn_norm.weight", width);
    feedForwardTensors(list, layer, width);
    list.frozen("post_ffw_norm.weight", width);
    list.frozen("altup_correct_coef.weight", STREAMS, STREAMS);
    list.frozen("altup_correct_scale.weight", width);
    tokenInputTensors(list, layer, width);
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    list.matrix("attn_q", width, layer.queryWidth());
    if (layer.sharedKeys().map(SharedKeys::lent).orElse(true)) {
      list.matrix("attn_k", width, layer.keyValueWidth());
      list.matrix("attn_v", width, layer.keyValueWidth());
    } else { // llama.cpp wants them and doesn't compute with them
      list.frozen("attn_k.weight", width, layer.keyValueWidth());
      list.frozen("attn_v.weight", width, layer.keyValueWidth());
    }
    list.matrix("attn_output", layer.queryWidth(), width);
  }

  @Override
  public void outerTensors(TensorList list, int width, int vocabulary) {
    super.outerTensors(list, width, vocabulary);
    list.frozen("altup_proj.weight", width, width, STREAMS - 1);
    list.frozen("altup_unembd_proj.weight", width, width, STREAMS - 1);
  }
}
