package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.util.Arrays;
import java.util.List;

/// Those of Granite 4 that are no hybrids although their class says so: all layers attend
/// (`conversion/granite.py`). They become a `granite` or, with experts, a `granitemoe`.
final class GraniteHybridFamily extends GraniteMoeFamily {
  GraniteHybridFamily(ModelFolder folder) {
    super(
        folder.config().integer("num_experts_per_tok", "num_experts_per_token").orElse(0) > 0
            ? "granitemoe"
            : "granite",
        folder);
    List<String> types =
        config().list("layer_types").orElse(List.of()).stream().map(type -> type.asText()).toList();
    if (types.isEmpty() || types.stream().anyMatch(type -> !type.equals("attention"))) {
      throw config()
          .invalid("Granite 4's hybrids of attention and Mamba aren't supported by convert");
    }
  }

  /// With the sizes of the Mamba layers that aren't there, as llama.cpp's converter writes them.
  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    Config config = config();
    writer.putUint32(key("ssm.conv_kernel"), config.requireSize("mamba_d_conv"));
    writer.putUint32(key("ssm.state_size"), config.requireSize("mamba_d_state"));
    writer.putUint32(key("ssm.group_count"), config.requireSize("mamba_n_groups"));
    writer.putUint32(
        key("ssm.inner_size"),
        (long) config.requireSize("mamba_expand") * config.requireSize("hidden_size"));
    writer.putUint32(key("ssm.time_step_rank"), config.requireSize("mamba_n_heads"));
    int[] heads = new int[config.requireSize("num_hidden_layers")];
    Arrays.fill(heads, keyValueHeads());
    writer.putInts(key("attention.head_count_kv"), heads);
    writer.putBool(key("rope.scaling.finetuned"), true);
  }
}
