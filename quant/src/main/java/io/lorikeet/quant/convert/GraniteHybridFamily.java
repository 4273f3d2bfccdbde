package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.util.List;

/// Granite 4 (`GraniteHybridModel` in `conversion/granite.py`): attention in some layers and state
/// spaces (Mamba-2) in the others. Those without state spaces become a `granite` or, with experts,
/// a `granitemoe`.
final class GraniteHybridFamily extends GraniteMoeFamily {
  private static final int HYBRID_CONTEXT = 1 << 20;

  GraniteHybridFamily(ModelFolder folder) {
    super(architecture(folder.config()), folder);
    if (isHybrid()) {
      refuse("mamba_conv_bias", false, "needs a bias of the convolution");
      refuse("mamba_proj_bias", true, "knows no biases of projections");
    }
  }

  private static String architecture(Config config) {
    if (attending(config).contains(false)) {
      return "granitehybrid";
    }
    boolean experts = config.integer("num_experts_per_tok", "num_experts_per_token").orElse(0) > 0;
    return experts ? "granitemoe" : "granite";
  }

  /// Which layers attend.
  private static List<Boolean> attending(Config config) {
    List<Boolean> attending =
        config
            .list("layer_types")
            .orElseThrow(() -> config.invalid("'layer_types' doesn't say which layers attend"))
            .stream()
            .map(type -> List.of("attention", "full_attention").contains(type.asText()))
            .toList();
    int layers = config.requireSize("num_hidden_layers");
    if (attending.size() != layers) {
      throw config.invalid(
          "'layer_types' has %s elements for %s layers".formatted(attending.size(), layers));
    }
    return attending;
  }

  private boolean isHybrid() {
    return architecture().equals("granitehybrid");
  }

  private void refuse(String name, boolean refused, String why) {
    if (config().has(name) && config().flag(name) == refused) {
      throw config().invalid("'%s' is %s; llama.cpp %s".formatted(name, refused, why));
    }
  }

  /// With the sizes of state spaces even where there are none, as llama.cpp's converter writes
  /// them.
  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    Config config = config();
    writer.putUint32(key("ssm.conv_kernel"), config.requireSize("mamba_d_conv"));
    writer.putUint32(key("ssm.state_size"), config.requireSize("mamba_d_state"));
    writer.putUint32(key("ssm.group_count"), config.requireSize("mamba_n_groups"));
    writer.putUint32(key("ssm.inner_size"), width());
    writer.putUint32(key("ssm.time_step_rank"), config.requireSize("mamba_n_heads"));
    List<Boolean> attending = attending(config);
    int[] heads = new int[attending.size()];
    for (int i = 0; i < heads.length; i++) {
      heads[i] = attending.get(i) ? keyValueHeads() : 0;
    }
    writer.putInts(key("attention.head_count_kv"), heads);
    writer.putBool(key("rope.scaling.finetuned"), !isHybrid());
    if (isHybrid()) {
      writer.putUint32(key("context_length"), HYBRID_CONTEXT);
    }
  }

  private long width() {
    return (long) config().requireSize("mamba_expand") * config().requireSize("hidden_size");
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    return isHybrid()
        ? stateSpace().changed(name, super.changed(name, rows))
        : super.changed(name, rows);
  }

  private StateSpaceTensors stateSpace() {
    return new StateSpaceTensors(".mamba.", width(), config().requireSize("mamba_n_groups"));
  }

  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    return isHybrid()
        ? stateSpace()
            .outputs(this, name, weights.rows(name))
            .orElseGet(() -> super.outputs(name, weights))
        : super.outputs(name, weights);
  }
}
