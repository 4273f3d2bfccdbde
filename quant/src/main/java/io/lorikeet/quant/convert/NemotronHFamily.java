package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/// Nemotron-H, Nemotron Nano 2 and Nemotron 3 Nano (`NemotronHModel` in `conversion/nemotron.py`).
/// Each layer is a state space (Mamba-2), attention, a feed-forward part or a mixture of experts.
/// Layers that predict further tokens (`mtp`) are left out.
final class NemotronHFamily extends ConvertedFamily {
  private static final Set<String> STATE_SPACES = Set.of("M", "mamba", "linear_attention");
  private static final Set<String> ATTENTION = Set.of("*", "attention", "full_attention");
  private static final Set<String> FEED_FORWARD = Set.of("-", "mlp");
  private static final Set<String> EXPERTS = Set.of("E", "moe");
  private static final int CONTEXT = 1 << 20;

  private final List<String> kinds;

  NemotronHFamily(ModelFolder folder) {
    super(architecture(kinds(folder.config())), folder);
    kinds = kinds(config());
    for (String kind : kinds) {
      boolean known =
          STATE_SPACES.contains(kind)
              || ATTENTION.contains(kind)
              || (hasExperts() ? EXPERTS : FEED_FORWARD).contains(kind);
      if (!known) {
        throw config().invalid("a layer is '" + kind + "', which llama.cpp doesn't know here");
      }
    }
    refuse("use_conv_bias", false);
    refuse("mamba_proj_bias", true);
    if (!config().text("mlp_hidden_act").orElse("relu2").equals("relu2")) {
      throw config().invalid("'mlp_hidden_act' isn't relu2, which is all that llama.cpp computes");
    }
    if (config().has("moe_latent_size")) {
      throw config().invalid("experts between two projections (moe_latent_size) aren't supported");
    }
  }

  private void refuse(String name, boolean refused) {
    if (config().has(name) && config().flag(name) == refused) {
      throw config()
          .invalid("'%s' is %s; llama.cpp knows only %s".formatted(name, refused, !refused));
    }
  }

  /// The kind of each layer: a letter, or a word.
  private static List<String> kinds(Config config) {
    return config
        .list("layers_block_type")
        .or(() -> config.list("layer_types"))
        .map(words -> words.stream().map(JsonNode::asText).toList())
        .or(
            () ->
                config
                    .text("hybrid_override_pattern")
                    .map(letters -> letters.chars().mapToObj(Character::toString).toList()))
        .orElseThrow(() -> config.invalid("'layers_block_type' doesn't say what layers are"));
  }

  private static String architecture(List<String> kinds) {
    return kinds.stream().anyMatch(EXPERTS::contains) ? "nemotron_h_moe" : "nemotron_h";
  }

  private boolean hasExperts() {
    return architecture().equals("nemotron_h_moe");
  }

  @Override
  int layers() {
    return kinds.size();
  }

  @Override
  int headLength() {
    return config().requireSize("head_dim", "attention_head_dim");
  }

  @Override
  boolean writesHeadLength() {
    return true;
  }

  private int stateHeads() {
    return config().requireSize("mamba_num_heads");
  }

  private StateSpaceTensors stateSpace() {
    return new StateSpaceTensors(
        ".mixer.",
        (long) stateHeads() * config().requireSize("mamba_head_dim"),
        config().requireSize("n_groups", "mamba_n_groups"));
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    Config config = config();
    StateSpaceTensors space = stateSpace();
    float epsilon = (float) config.real("layer_norm_epsilon", "rms_norm_eps").orElse(1e-5);
    writer.putFloat32(key("attention.layer_norm_epsilon"), epsilon);
    writer.putFloat32(key("attention.layer_norm_rms_epsilon"), epsilon);
    writer.putUint32(key("context_length"), CONTEXT);
    writer.putUint32(key("vocab_size"), config.requireSize("vocab_size"));
    writer.putUint32(key("ssm.conv_kernel"), config.requireSize("conv_kernel", "mamba_d_conv"));
    writer.putUint32(key("ssm.state_size"), config.requireSize("ssm_state_size"));
    writer.putUint32(key("ssm.group_count"), space.groups());
    writer.putUint32(key("ssm.inner_size"), space.width());
    writer.putUint32(key("ssm.time_step_rank"), stateHeads());
    writer.putInts(key("attention.head_count_kv"), each(ATTENTION::contains, keyValueHeads()));
    int width = config.requireSize(hasExperts() ? "moe_intermediate_size" : "intermediate_size");
    Predicate<String> feedsForward = hasExperts() ? EXPERTS::contains : FEED_FORWARD::contains;
    writer.putInts(key("feed_forward_length"), each(feedsForward, width));
    if (hasExperts()) {
      putExperts(writer, width);
    } else { // the configuration of a dense model can name experts, too
      writer.putUint32(key("expert_count"), 0);
      writer.putUint32(key("expert_used_count"), 0);
    }
  }

  private int[] each(Predicate<String> kind, int number) {
    return kinds.stream().mapToInt(one -> kind.test(one) ? number : 0).toArray();
  }

  private void putExperts(GgufWriter writer, int width) {
    Config config = config();
    writer.putUint32(key("expert_count"), config.requireSize("n_routed_experts"));
    writer.putUint32(key("expert_feed_forward_length"), width);
    writer.putUint32(
        key("expert_shared_feed_forward_length"),
        config.requireSize("moe_shared_expert_intermediate_size"));
    writer.putUint32(key("expert_shared_count"), config.requireSize("n_shared_experts"));
    writer.putBool(key("expert_weights_norm"), config.flag("norm_topk_prob"));
    writer.putFloat32(
        key("expert_weights_scale"), (float) config.real("routed_scaling_factor").orElse(1));
    config.integer("n_group").ifPresent(n -> writer.putUint32(key("expert_group_count"), n));
    config
        .integer("topk_group")
        .ifPresent(n -> writer.putUint32(key("expert_group_used_count"), n));
  }

  @Override
  void putSpecialTokens(SpecialTokens special, Vocabulary vocabulary, GgufWriter writer)
      throws IOException {
    super.putSpecialTokens(special, vocabulary, writer);
    if (!hasExperts()) {
      writer.putBool("tokenizer.ggml.add_bos_token", true);
    }
  }

  @Override
  String usualName(String name) {
    String usual =
        name.replaceFirst("^backbone\\.", "model.")
            .replaceFirst("^model\\.embeddings?\\.", "model.embed_tokens.")
            .replaceFirst("^model\\.norm_f\\.", "model.norm.");
    return usual.replaceFirst(
        "\\.gate\\.e_score_correction[._]bias$", ".gate.e_score_correction.bias");
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    return stateSpace().changed(name, super.changed(name, rows));
  }

  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    if (name.startsWith("mtp.")) {
      return List.of();
    }
    return stateSpace()
        .outputs(this, name, weights.rows(name))
        .orElseGet(() -> super.outputs(name, weights));
  }
}
