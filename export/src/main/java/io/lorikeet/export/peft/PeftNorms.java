package io.lorikeet.export.peft;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Where a base has the weights of normalizations, of families whose converter in llama.cpp takes
/// them as they are: Gemma's get 1 added, and others name them differently.
final class PeftNorms {
  private static final Set<String> FAMILIES =
      Set.of("llama", "smollm3", "mistral3", "granite", "qwen2", "qwen3", "qwen3moe", "phi3");

  private static final Map<String, String> TENSORS =
      Map.of(
          "input_layernorm", "attn_norm",
          "post_attention_layernorm", "ffn_norm",
          "self_attn.q_norm", "attn_q_norm",
          "self_attn.k_norm", "attn_k_norm");

  private PeftNorms() {}

  /// The tensor of a module without path, such as `layers.0.input_layernorm`.
  static Optional<String> tensor(String architecture, String module) {
    if (!FAMILIES.contains(architecture)) {
      return Optional.empty();
    }
    if (module.equals("norm")) {
      return Optional.of("output_norm.weight");
    }
    String[] parts = module.split("\\.", 3);
    return parts.length < 3
        ? Optional.empty()
        : Optional.ofNullable(TENSORS.get(parts[2]))
            .map(name -> "blk." + parts[1] + "." + name + ".weight");
  }
}
