package io.lorikeet.export.peft;

import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Finds the halves of pairs among the tensors of `adapter_model.safetensors`, whatever path leads
/// to the language model in them.
final class PeftTensors {
  private static final Pattern NAME =
      Pattern.compile(
          "(?:base_model\\.model\\.)?((?:.*\\.)?(layers\\.[0-9]+\\..+|embed_tokens|lm_head))"
              + "\\.lora_(?:embedding_)?([AB])(?:\\.(?:default|weight))*");

  /// The tensors of one module.
  ///
  /// @param fullName its name with the path, as patterns of the configuration match it
  /// @param halves by `A` and `B`
  record Module(String fullName, Map<String, SafetensorsTensor> halves) {}

  private final Map<String, Module> modules = new LinkedHashMap<>();

  /// @param problems receives tensors that are no half of a pair
  PeftTensors(SafetensorsFile file, List<String> problems) {
    for (SafetensorsTensor tensor : file.tensors()) {
      Matcher name = NAME.matcher(tensor.name());
      if (name.matches()) {
        Module module =
            modules.computeIfAbsent(
                name.group(2), _ -> new Module(name.group(1), new LinkedHashMap<>()));
        if (module.halves().putIfAbsent(name.group(3), tensor) != null) {
          problems.add(tensor.name() + " is there twice, under another path");
        }
      } else {
        problems.add(tensor.name() + " " + reason(tensor.name()));
      }
    }
  }

  private static String reason(String name) {
    if (name.contains("lora_magnitude_vector")) {
      return "is a weight's magnitude (DoRA), which an adapter in GGUF can't hold";
    }
    if (name.endsWith(".bias")) {
      return "is a bias, which an adapter in GGUF can't hold";
    }
    if (!name.contains(".lora_")) {
      return "is a whole weight (modules_to_save), which an adapter in GGUF can't hold";
    }
    return "is none of the model's matrices";
  }

  /// Modules by their names without path, such as `layers.0.self_attn.q_proj`.
  Map<String, Module> modules() {
    return modules;
  }
}
