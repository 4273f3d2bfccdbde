package io.lorikeet.models.architecture;

import io.lorikeet.models.random.RandomFamily;
import io.lorikeet.quant.GgufValue;
import java.util.Arrays;
import java.util.List;

/// Metadata and tensors of the small models of [FamilyCase].
final class FamilyMetadata {
  private FamilyMetadata() {}

  /// llama.cpp doesn't read the epsilon of these models, and computes with 0 as a rule.
  static RandomFamily qwen2Vl(RandomFamily model, int... sections) {
    return sections(model, sections).put("attention.layer_norm_rms_epsilon", 1e-12f);
  }

  static RandomFamily sections(RandomFamily model, int... sections) {
    return model.put("rope.dimension_sections", GgufValue.Array.ofInts(sections));
  }

  /// Two of 16 pairs stand still, as two of 64 in the published models.
  static RandomFamily qwen3Vl(RandomFamily model) {
    return sections(model, 8, 4, 4, 0)
        .put("attention.key_length", 32)
        .put("attention.value_length", 32)
        .put("n_deepstack_layers", 1);
  }

  /// Two of three layers carry a state; twice as many value heads as key heads.
  static RandomFamily qwen35(RandomFamily model) {
    return sections(deltaNets(model), 3, 3, 2, 0);
  }

  private static RandomFamily deltaNets(RandomFamily model) {
    return model
        .put("block_count", 3)
        .put("full_attention_interval", 3)
        .put("attention.key_length", 32)
        .put("attention.value_length", 32)
        .put("rope.dimension_count", 16)
        .put("ssm.conv_kernel", 4)
        .put("ssm.state_size", 16)
        .put("ssm.group_count", 2)
        .put("ssm.time_step_rank", 4)
        .put("ssm.inner_size", 64);
  }

  /// As many value heads as key heads, and layers told one by one.
  static RandomFamily qwen35OfFewHeads(RandomFamily model) {
    return qwen35(model)
        .tied()
        .put("attention.recurrent_layers", GgufValue.Array.ofInts(0, 1, 1))
        .put("ssm.time_step_rank", 2)
        .put("ssm.inner_size", 32);
  }

  /// A layer behind the others that predicts further tokens.
  static RandomFamily qwen35Mtp(RandomFamily model) {
    RandomFamily all = qwen35(model).put("block_count", 4).put("nextn_predict_layers", 1);
    for (String norm : List.of("attn_norm", "post_attention_norm", "nextn.enorm", "nextn.hnorm")) {
      all.withExtra("blk.3." + norm + ".weight", 64L);
    }
    return all.withExtra("blk.3.attn_q_norm.weight", 32L)
        .withExtra("blk.3.attn_k_norm.weight", 32L)
        .withExtra("blk.3.attn_q.weight", 64L, 256L)
        .withExtra("blk.3.attn_k.weight", 64L, 64L)
        .withExtra("blk.3.attn_v.weight", 64L, 64L)
        .withExtra("blk.3.attn_output.weight", 128L, 64L)
        .withExtra("blk.3.ffn_gate.weight", 64L, 128L)
        .withExtra("blk.3.ffn_up.weight", 64L, 128L)
        .withExtra("blk.3.ffn_down.weight", 128L, 64L)
        .withExtra("blk.3.nextn.eh_proj.weight", 128L, 64L);
  }

  static RandomFamily sharedExperts(RandomFamily model) {
    return experts(model, 6, 3)
        .put("expert_feed_forward_length", 96)
        .put("expert_shared_feed_forward_length", 64);
  }

  /// Of three layers.
  static RandomFamily fusedExperts(RandomFamily model) {
    for (int layer = 0; layer < 3; layer++) {
      model.with("blk." + layer + ".ffn_gate_up_exps.weight");
    }
    return model;
  }

  /// Three value heads for each of two key heads.
  static RandomFamily qwen3Next(RandomFamily model) {
    return experts(qwen3NextOfUsualWidth(model), 6, 3)
        .put("expert_feed_forward_length", 64)
        .put("expert_shared_feed_forward_length", 96)
        .put("ssm.time_step_rank", 6)
        .put("ssm.inner_size", 96);
  }

  static RandomFamily qwen3NextOfUsualWidth(RandomFamily model) {
    return experts(deltaNets(model), 4, 4)
        .put("feed_forward_length", 64)
        .put("expert_feed_forward_length", 32);
  }

  /// Only the layer in the middle attends.
  static RandomFamily lfm2(RandomFamily model) {
    return model
        .tied()
        .put("block_count", 3)
        .put("attention.head_count_kv", GgufValue.Array.ofInts(0, 2, 0))
        .put("shortconv.l_cache", 3);
  }

  static RandomFamily lfm2AttentionFirst(RandomFamily model) {
    return lfm2(model)
        .put("attention.head_count_kv", GgufValue.Array.ofInts(4, 0, 1))
        .put("shortconv.l_cache", 4);
  }

  /// One dense layer first.
  static RandomFamily lfm2Experts(RandomFamily model) {
    return experts(lfm2(model), 6, 3)
        .put("leading_dense_block_count", 1)
        .put("expert_feed_forward_length", 96)
        .put("expert_gating_func", 2);
  }

  static RandomFamily ernieExperts(RandomFamily model) {
    return sharedExperts(model)
        .put("leading_dense_block_count", 1)
        .put("interleave_moe_layer_step", 1);
  }

  /// State spaces before and after a layer that attends.
  static RandomFamily graniteHybrid(RandomFamily model) {
    return stateSpace(granite(model), 1)
        .put("block_count", 3)
        .put("attention.head_count_kv", GgufValue.Array.ofInts(0, 2, 0))
        .put("rope.scaling.finetuned", new GgufValue.Bool(false));
  }

  static RandomFamily graniteHybridOfGroups(RandomFamily model) {
    return graniteHybrid(model)
        .put("rope.scaling.finetuned", new GgufValue.Bool(true))
        .put("ssm.state_size", 16)
        .put("ssm.group_count", 2);
  }

  /// A layer of each kind, the feed-forward part first and last.
  static RandomFamily nemotronH(RandomFamily model) {
    int width = 2 * model.width();
    return stateSpace(model, 2)
        .put("block_count", 5)
        .put("attention.layer_norm_epsilon", 1e-5f)
        .put("attention.head_count_kv", GgufValue.Array.ofInts(0, 0, 2, 0, 0))
        .put("feed_forward_length", GgufValue.Array.ofInts(width, 0, 0, 0, width))
        .put("attention.key_length", 32)
        .put("attention.value_length", 32)
        .put("ssm.inner_size", 192)
        .put("ssm.time_step_rank", 6);
  }

  static RandomFamily nemotronHOfGroups(RandomFamily model) {
    int width = 3 * model.width();
    return nemotronH(model)
        .tied()
        .put("ssm.group_count", 3)
        .put("attention.head_count_kv", GgufValue.Array.ofInts(0, 0, 0, 0, 4))
        .put("feed_forward_length", GgufValue.Array.ofInts(0, width, 0, width, 0));
  }

  static RandomFamily nemotronHMoe(RandomFamily model) {
    return experts(nemotronH(model), 6, 2)
        .put("expert_feed_forward_length", 96)
        .put("expert_shared_feed_forward_length", 64)
        .put("expert_shared_count", 1)
        .put("expert_group_count", 1)
        .put("expert_group_used_count", 1)
        .put("expert_weights_norm", new GgufValue.Bool(true))
        .put("expert_weights_scale", 2.5f);
  }

  /// Attention and a state space of another width side by side.
  static RandomFamily falconH1(RandomFamily model) {
    return stateSpace(model, 1).put("ssm.inner_size", 96).put("ssm.time_step_rank", 6);
  }

  static RandomFamily falconH1Normed(RandomFamily model) {
    return falconH1(model)
        .tied()
        .put("ssm.group_count", 2)
        .put("attention.key_length", 32)
        .put("attention.value_length", 32)
        .with("blk.0.ssm_norm.weight")
        .with("blk.1.ssm_norm.weight");
  }

  private static RandomFamily stateSpace(RandomFamily model, int groups) {
    return model
        .put("ssm.conv_kernel", 4)
        .put("ssm.inner_size", 128)
        .put("ssm.state_size", 32)
        .put("ssm.time_step_rank", 8)
        .put("ssm.group_count", groups);
  }

  static RandomFamily fused(RandomFamily model) {
    return model.with("blk.0.attn_qkv.weight").with("blk.1.attn_qkv.weight");
  }

  static RandomFamily longRope(RandomFamily model, int originalContext) {
    return model
        .with("rope_factors_short.weight")
        .with("rope_factors_long.weight")
        .put("rope.scaling.attn_factor", 1.2f)
        .put("rope.scaling.original_context_length", originalContext);
  }

  static RandomFamily gemma3(RandomFamily model) {
    return model
        .tied()
        .put("attention.sliding_window", 10)
        .put("attention.sliding_window_pattern", 2)
        .put("rope.scaling.type", "linear")
        .put("rope.scaling.factor", 8f);
  }

  /// Two layers that attend to keys and values of earlier ones: llama.cpp has 20 with their own.
  static RandomFamily gemma3n(RandomFamily model) {
    return model
        .tied()
        .put("block_count", 22)
        .put("attention.key_length", 32)
        .put("attention.value_length", 32)
        .put("feed_forward_length", 512)
        .put("attention.sliding_window", 10)
        .put("attention.sliding_window_pattern", 2)
        .put("rope.freq_base_swa", 500f)
        .put("altup.num_inputs", 4)
        .put("altup.active_idx", 0)
        .put("embedding_length_per_layer_input", 256);
  }

  /// Layers with and without a window, and heads of two sizes.
  static RandomFamily gemma4(RandomFamily model) {
    return model
        .tied()
        .put("embedding_length_per_layer_input", 0)
        .put("attention.sliding_window", 10)
        .put("attention.sliding_window_pattern", GgufValue.Array.ofInts(1, 0))
        .put("attention.head_count_kv", GgufValue.Array.ofInts(4, 1))
        .put("attention.key_length", 32)
        .put("attention.value_length", 32)
        .put("attention.key_length_swa", 16)
        .put("attention.value_length_swa", 16)
        .put("rope.dimension_count", 32)
        .put("rope.dimension_count_swa", 16)
        .put("rope.freq_base_swa", 500f)
        .put("final_logit_softcapping", 10f)
        .put("expert_feed_forward_length", 96)
        .with("blk.0.layer_output_scale.weight")
        .with("blk.1.layer_output_scale.weight");
  }

  /// As E2B: embeddings for each layer, and three layers without keys of their own, wider than
  /// others.
  static RandomFamily gemma4Shared(RandomFamily model) {
    return gemma4(model)
        .put("block_count", 5)
        .put("attention.head_count", 8)
        .put("attention.key_length", 16)
        .put("attention.value_length", 16)
        .put("attention.key_length_swa", 8)
        .put("attention.value_length_swa", 8)
        .put("rope.dimension_count", 16)
        .put("rope.dimension_count_swa", 8)
        .put("embedding_length_per_layer_input", model.width())
        .put("attention.shared_kv_layers", 3)
        .put("attention.sliding_window_pattern", GgufValue.Array.ofInts(1, 0, 1, 1, 0))
        .put("attention.head_count_kv", GgufValue.Array.ofInts(2, 1, 2, 2, 1))
        .put("feed_forward_length", widths(model.width(), 2, 2, 3, 3, 3))
        .with("blk.3.layer_output_scale.weight");
  }

  private static GgufValue widths(int width, int... factors) {
    return GgufValue.Array.ofInts(Arrays.stream(factors).map(factor -> factor * width).toArray());
  }

  /// Files of Google's have keys and values in all layers.
  static RandomFamily gemma4UnusedKeys(RandomFamily model) {
    for (String tensor : List.of("attn_k", "attn_v", "attn_k_norm")) {
      model.with("blk.4." + tensor + ".weight").with("blk.3." + tensor + ".weight");
    }
    return gemma4Shared(model);
  }

  static RandomFamily gemma4Experts(RandomFamily model) {
    for (String layer : List.of("blk.0.", "blk.1.")) {
      model.with(layer + "ffn_gate_up_exps.weight").with(layer + "ffn_down_exps.scale");
    }
    return experts(gemma4(model), 4, 2);
  }

  static RandomFamily mistral3(RandomFamily model) {
    return model
        .put("attention.temperature_scale", 0.1f)
        .put("rope.scaling.type", "yarn")
        .put("rope.scaling.factor", 16f)
        .put("rope.scaling.original_context_length", 16)
        .put("rope.scaling.yarn_beta_fast", 24f)
        .put("rope.scaling.yarn_beta_slow", 2f)
        .put("rope.scaling.yarn_log_multiplier", 0.8f);
  }

  /// One layer with a window, one without.
  static RandomFamily museGlimmer(RandomFamily model) {
    return model
        .put("attention.key_length", 32)
        .put("attention.value_length", 32)
        .put("attention.sliding_window", 10)
        .put("attention.sliding_window_pattern", GgufValue.Array.ofInts(1, 0))
        .put("rope.freq_base_swa", 300f)
        .put("logit_scale", 0.4f)
        .put("final_logit_softcapping", 3f);
  }

  static RandomFamily granite(RandomFamily model) {
    return model
        .put("logit_scale", 4f)
        .put("residual_scale", 0.5f)
        .put("embedding_scale", 3f)
        .put("attention.scale", 0.2f);
  }

  static RandomFamily experts(RandomFamily model, int count, int used) {
    return model.put("expert_count", count).put("expert_used_count", used);
  }

  static RandomFamily gptOss(RandomFamily model) {
    return experts(model, 4, 2)
        .put("expert_feed_forward_length", 96)
        .put("attention.key_length", 32)
        .put("attention.value_length", 32)
        .put("attention.sliding_window", 10)
        .put("rope.scaling.type", "yarn")
        .put("rope.scaling.factor", 8f)
        .put("rope.scaling.original_context_length", 16);
  }

  /// llama.cpp has windows in models of 64 layers only.
  static RandomFamily exaone4(RandomFamily model) {
    return model
        .put("block_count", 64)
        .put("feed_forward_length", 64)
        .put("attention.sliding_window", 10)
        .put("attention.sliding_window_pattern", 4);
  }

  static RandomFamily olmo3(RandomFamily model) {
    return model
        .put("attention.sliding_window", 10)
        .put("attention.sliding_window_pattern", 2)
        .put("rope.scaling.type", "yarn")
        .put("rope.scaling.factor", 8f)
        .put("rope.scaling.original_context_length", 16);
  }
}
