package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.util.Optional;
import java.util.Set;

/// Mixtures of experts: Qwen 2 and 3 MoE, OLMoE (`conversion/qwen.py`, `conversion/olmo.py`).
/// Experts are stored one by one, or all of a layer in one tensor with gate and up together.
class MixtureFamily extends ConvertedFamily {
  /// Architectures whose experts have the weights of the softmax over all of them.
  private static final Set<String> SHARES_OF_ALL = Set.of("olmoe", "qwen2moe");

  MixtureFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  @Override
  Optional<String> preTokenizerName() {
    return architecture().equals("olmoe") ? Optional.of("olmo") : Optional.empty();
  }

  /// llama.cpp decides by the architecture whether the used experts' weights are made to sum to 1.
  private void requireSumOfWeights(boolean one) {
    if (config().has("norm_topk_prob") && config().flag("norm_topk_prob") != one) {
      throw config()
          .invalid(
              "'norm_topk_prob' is %s; llama.cpp computes %s as if it were %s"
                  .formatted(!one, architecture(), one));
    }
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    requireSumOfWeights(!SHARES_OF_ALL.contains(architecture()));
    if (architecture().equals("olmoe")) {
      writer.putFloat32(key("attention.layer_norm_rms_epsilon"), 1e-5f);
    }
    config()
        .integer("moe_intermediate_size")
        .ifPresent(size -> writer.putUint32(key("expert_feed_forward_length"), size));
    config()
        .integer("shared_expert_intermediate_size")
        .ifPresent(size -> writer.putUint32(key("expert_shared_feed_forward_length"), size));
  }
}
