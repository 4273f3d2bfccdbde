package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Granite's mixtures of experts, perhaps with a part that every token goes through: gate and up
/// are stored in one tensor (`conversion/granite.py`).
class GraniteMoeFamily extends GraniteFamily {
  private static final String INPUT = "input_linear.weight";

  GraniteMoeFamily(ModelFolder folder) {
    this("granitemoe", folder);
  }

  GraniteMoeFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  private boolean hasExperts() {
    return config().integer("num_local_experts").orElse(0) > 0;
  }

  /// Without experts, what every token goes through is all there is.
  @Override
  Map<String, String> layerNames() {
    String suffix = hasExperts() ? "_shexp" : "";
    Map<String, String> names = new HashMap<>(super.layerNames());
    names.put("block_sparse_moe.router.layer", "ffn_gate_inp");
    names.put("block_sparse_moe.gate_linear", "ffn_gate_exps");
    names.put("block_sparse_moe.up_linear", "ffn_up_exps");
    names.put("block_sparse_moe.output_linear", "ffn_down_exps");
    names.put("shared_mlp.gate_linear", "ffn_gate" + suffix);
    names.put("shared_mlp.up_linear", "ffn_up" + suffix);
    names.put("shared_mlp.output_linear", "ffn_down" + suffix);
    return names;
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    long shared = config().integer("shared_intermediate_size").orElse(0);
    if (shared > 0) {
      writer.putUint32(key("expert_shared_feed_forward_length"), shared);
    }
  }

  @Override
  List<OutputTensor> outputs(String name, StoredWeights weights) {
    if (!name.endsWith(INPUT)) {
      return super.outputs(name, weights);
    }
    WeightRows both = weights.rows(name);
    if (both.shape().size() < 2 || both.shape().get(1) % 2 != 0) {
      throw new IllegalArgumentException("'" + name + "' has the shape " + both.shape());
    }
    String base = name.substring(0, name.length() - INPUT.length());
    long half = both.shape().get(1) / 2;
    return List.of(
        new OutputTensor.Numbers(outputName(base + "gate_linear.weight"), both.part(0, half)),
        new OutputTensor.Numbers(outputName(base + "up_linear.weight"), both.part(half, half)));
  }
}
