package io.lorikeet.export.peft;

import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Finds the halves of pairs among the tensors of `adapter_model.safetensors`, and what else
/// belongs to the language model. A model that also sees, hears, speaks or predicts several tokens
/// has layers of such parts too, whose names end alike: only known paths lead to the language
/// model.
final class PeftTensors {
  private static final String LANGUAGE =
      "(?:(?:model|backbone|language_model|text_model|thinker|llm)\\.)";

  private static final String PATH = "(?:base_model\\.model\\.)?(" + LANGUAGE + "*";

  private static final String MODULE = PATH + "(layers\\.[0-9]+\\..+|embed_tokens|lm_head))";

  private static final Pattern NAME =
      Pattern.compile(MODULE + "\\.lora_(?:embedding_)?([AB])(?:\\.(?:default|weight))*");

  private static final Pattern MAGNITUDE =
      Pattern.compile(MODULE + "\\.lora_magnitude_vector(?:\\.(?:default|weight))*");

  /// Names of weights of the model itself.
  private static final Pattern WHOLE =
      Pattern.compile(
          PATH
              + "(layers\\.[0-9]+\\..+?|embed_tokens|lm_head|norm))"
              + "(?:\\.modules_to_save)?(?:\\.default)?(?:\\.base_layer)?\\.weight");

  /// A tensor of another part's layers, and the path to them.
  private static final Pattern OF_LAYER =
      Pattern.compile(
          "(?:base_model\\.model\\.)?+(?!" + LANGUAGE + "*layers\\.)(.+?)\\.[0-9]+\\..+");

  /// The tensors of one module.
  ///
  /// @param fullName its name with the path, as patterns of the configuration match it
  /// @param halves by `A` and `B`
  record Module(String fullName, Map<String, SafetensorsTensor> halves) {}

  private final Map<String, Module> modules = new LinkedHashMap<>();
  private final Map<String, SafetensorsTensor> magnitudes = new LinkedHashMap<>();
  private final Map<String, SafetensorsTensor> whole = new LinkedHashMap<>();

  /// @param problems receives tensors that nothing can hold
  PeftTensors(SafetensorsFile file, List<String> problems) {
    Map<String, Integer> otherParts = new LinkedHashMap<>();
    for (SafetensorsTensor tensor : file.tensors()) {
      Matcher name = NAME.matcher(tensor.name());
      if (name.matches()) {
        Module module =
            modules.computeIfAbsent(
                name.group(2), _ -> new Module(name.group(1), new LinkedHashMap<>()));
        if (module.halves().putIfAbsent(name.group(3), tensor) != null) {
          problems.add(tensor.name() + " is there twice, under another path");
        }
      } else if (!putInto(magnitudes, MAGNITUDE, tensor) && !putWhole(tensor)) {
        Matcher layer = OF_LAYER.matcher(tensor.name());
        if (layer.matches()) {
          otherParts.merge(layer.group(1), 1, Integer::sum);
        } else {
          problems.add(tensor.name() + " " + reason(tensor.name()));
        }
      }
    }
    otherParts.forEach(
        (path, count) ->
            problems.add(
                "%s holds %s tensors of another part than the language model"
                    .formatted(path, count)));
  }

  private boolean putWhole(SafetensorsTensor tensor) {
    return !tensor.name().contains(".lora_") && putInto(whole, WHOLE, tensor);
  }

  /// @return false where it is none of these, or there already
  private static boolean putInto(
      Map<String, SafetensorsTensor> map, Pattern pattern, SafetensorsTensor tensor) {
    Matcher name = pattern.matcher(tensor.name());
    return name.matches() && map.putIfAbsent(name.group(2), tensor) == null;
  }

  private static String reason(String name) {
    if (name.endsWith(".bias")) {
      return "is a bias, which an adapter in GGUF can't hold";
    }
    return "is none of the model's matrices";
  }

  /// Tensors that a whole model can hold and an adapter in GGUF can't, in words.
  List<String> onlyMerged() {
    List<String> words = new ArrayList<>();
    magnitudes
        .values()
        .forEach(tensor -> words.add(tensor.name() + " is a weight's magnitude (DoRA)"));
    whole
        .values()
        .forEach(tensor -> words.add(tensor.name() + " is a whole weight (modules_to_save)"));
    return words;
  }

  /// Magnitudes by the names of their modules without path.
  Map<String, SafetensorsTensor> magnitudes() {
    return magnitudes;
  }

  /// Weights that replace the model's own, by the names of their modules without path.
  Map<String, SafetensorsTensor> whole() {
    return whole;
  }

  /// Modules by their names without path, such as `layers.0.self_attn.q_proj`.
  Map<String, Module> modules() {
    return modules;
  }

  /// Modules that have no place in the base.
  ///
  /// @param placed names of those that have
  List<Module> unplaced(Set<String> placed) {
    return modules.entrySet().stream()
        .filter(each -> !placed.contains(each.getKey()))
        .map(Map.Entry::getValue)
        .toList();
  }
}
