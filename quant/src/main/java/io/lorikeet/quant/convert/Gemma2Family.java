package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.util.List;

/// Gemma 2: scores and logits are capped, every second layer attends within a window
/// (`conversion/gemma.py`).
final class Gemma2Family extends GemmaFamily {
  Gemma2Family(ModelFolder folder) {
    super("gemma2", folder);
  }

  @Override
  void putParameters(GgufWriter writer) {
    Config config = config();
    writer.putUint32(key("context_length"), contextLength());
    writer.putUint32(key("embedding_length"), config.requireSize("hidden_size"));
    writer.putUint32(key("block_count"), config.requireSize("num_hidden_layers"));
    writer.putUint32(key("feed_forward_length"), config.requireSize("intermediate_size"));
    writer.putUint32(key("attention.head_count"), heads());
    writer.putUint32(key("attention.head_count_kv"), keyValueHeads());
    writer.putFloat32(
        key("attention.layer_norm_rms_epsilon"), (float) config.requireReal("rms_norm_eps"));
    writer.putUint32(key("attention.key_length"), config.requireSize("head_dim"));
    writer.putUint32(key("attention.value_length"), config.requireSize("head_dim"));
    writer.putFloat32(
        key("attn_logit_softcapping"), (float) config.requireReal("attn_logit_softcapping"));
    writer.putFloat32(
        key("final_logit_softcapping"), (float) config.requireReal("final_logit_softcapping"));
    writer.putUint32(key("attention.sliding_window"), config.requireInteger("sliding_window"));
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    return withOneMore(name, rows);
  }

  @Override
  boolean isTied() {
    return true;
  }

  /// The head is the embedding, even where a folder has both.
  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    return name.equals("lm_head.weight") ? List.of() : super.outputs(name, weights);
  }
}
