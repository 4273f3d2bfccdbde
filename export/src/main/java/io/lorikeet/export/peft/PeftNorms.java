package io.lorikeet.export.peft;

import io.lorikeet.quant.convert.ModuleNames;
import java.util.Optional;
import java.util.Set;

/// Where a base has the weights of normalizations, of families whose converter in llama.cpp takes
/// them as they are: Gemma's get 1 added, and others name them differently.
final class PeftNorms {
  private static final Set<String> FAMILIES =
      Set.of("llama", "smollm3", "mistral3", "granite", "qwen2", "qwen3", "qwen3moe", "phi3");

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
        : ModuleNames.of(architecture).tensors(parts[2]).stream()
            .filter(name -> name.endsWith("_norm"))
            .map(name -> "blk." + parts[1] + "." + name + ".weight")
            .findFirst();
  }
}
