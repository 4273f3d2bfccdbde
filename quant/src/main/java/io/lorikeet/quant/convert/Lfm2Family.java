package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufWriter;
import java.util.List;
import java.util.Optional;

/// LFM2, dense or with experts (`conversion/lfm2.py`). Layers with a convolution are told by having
/// no heads of keys.
final class Lfm2Family extends ConvertedFamily {
  private static final int SIGMOID = 2; // llama.cpp's number for how experts are weighted

  Lfm2Family(String architecture, ModelFolder folder) {
    super(architecture, folder);
    refuse("conv_bias", true, false, "convolutions without biases");
  }

  /// Refuses what llama.cpp has no parameter for.
  ///
  /// @param otherwise the setting where it is missing
  private void refuse(String name, boolean refused, boolean otherwise, String known) {
    boolean set = config().has(name) ? config().flag(name) : otherwise;
    if (set == refused) {
      throw config().invalid("'%s' is %s; llama.cpp knows only %s".formatted(name, set, known));
    }
  }

  private boolean hasExperts() {
    return architecture().equals("lfm2moe");
  }

  @Override
  double defaultRopeBase() {
    return 1_000_000;
  }

  @Override
  Optional<String> preTokenizerName() {
    return Optional.of("lfm2");
  }

  @Override
  boolean isTied() {
    return config().has("tie_embedding")
        ? config().flag("tie_embedding")
        : !config().has("tie_word_embeddings") || super.isTied();
  }

  @Override
  String usualName(String name) {
    return name.endsWith(".expert_bias") ? name + ".bias" : name;
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    return name.endsWith(".conv.conv.weight") ? rows.squeezed() : rows;
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    writer.putInts(key("attention.head_count_kv"), headsOfLayers());
    writer.putUint32(key("vocab_size"), config().requireSize("vocab_size"));
    writer.putUint32(key("shortconv.l_cache"), config().requireSize("conv_L_cache"));
    if (hasExperts()) {
      putExperts(writer);
    }
  }

  private void putExperts(GgufWriter writer) {
    Config config = config();
    refuse("use_expert_bias", false, true, "experts that are chosen with a bias");
    refuse("norm_topk_prob", false, true, "weights of experts that sum to 1");
    if (config.real("routed_scaling_factor").orElse(1) != 1) {
      throw config.invalid("'routed_scaling_factor' isn't 1; llama.cpp scales no experts here");
    }
    writer.putUint32(
        key("expert_feed_forward_length"), config.requireSize("moe_intermediate_size"));
    writer.putUint32(key("leading_dense_block_count"), config.requireInteger("num_dense_layers"));
    writer.putUint32(key("expert_gating_func"), SIGMOID);
  }

  /// Of dense models the configuration has a width from which the real one follows.
  @Override
  long feedForward() {
    if (hasExperts()) {
      return super.feedForward();
    }
    Config config = config();
    long width = config.requireSize("block_ff_dim", "intermediate_size");
    if (config.has("block_auto_adjust_ff_dim") && !config.flag("block_auto_adjust_ff_dim")) {
      return width;
    }
    long multiple = config.has("block_multiple_of") ? config.requireSize("block_multiple_of") : 256;
    double factor = config.real("block_ffn_dim_multiplier").orElse(1);
    return Math.ceilDiv((long) (factor * (2 * width / 3)), multiple) * multiple;
  }

  /// Heads of keys in each layer.
  private int[] headsOfLayers() {
    int[] heads = new int[layers()];
    Optional<List<JsonNode>> types = config().list("layer_types");
    if (types.isPresent() && types.get().size() != heads.length) {
      throw config()
          .invalid(
              "'layer_types' has %s elements for %s layers"
                  .formatted(types.get().size(), heads.length));
    }
    Optional<List<JsonNode>> attending = config().list("full_attn_idxs");
    for (int i = 0; i < heads.length; i++) {
      int layer = i;
      boolean attends =
          types
              .map(all -> all.get(layer).asText().equals("full_attention"))
              .or(() -> attending.map(all -> all.stream().anyMatch(n -> n.asInt() == layer)))
              .orElse(true);
      heads[i] = attends ? keyValueHeads() : 0;
    }
    return heads;
  }
}
