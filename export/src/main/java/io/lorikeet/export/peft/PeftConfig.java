package io.lorikeet.export.peft;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// `adapter_config.json`: the settings of PEFT's `LoraConfig` that decide an adapter's effect.
///
/// @param ranks `r` and `rank_pattern`
/// @param alphas `lora_alpha` and `alpha_pattern`
/// @param rankStabilized `use_rslora`
/// @param dora `use_dora`: each adapted row of weights has a magnitude of its own
/// @param whole `modules_to_save`: modules whose weights are replaced
/// @param invocation `alora_invocation_tokens`: ids of the tokens that it acts from; empty for one
///     that always does
/// @param unsaid the configuration's other requests that GGUF can't express, in words
record PeftConfig(
    ByModule<Integer> ranks,
    ByModule<Double> alphas,
    boolean rankStabilized,
    boolean dora,
    List<String> whole,
    List<Integer> invocation,
    List<String> unsaid) {
  static final String FILE = "adapter_config.json";

  /// Ways to begin that change the base's own weights, so that an adapter fits no other base.
  private static final Pattern CHANGES_BASE =
      Pattern.compile("pissa.*|olora|corda|loftq|lora_ga", Pattern.CASE_INSENSITIVE);

  /// Keys that say something else than LoRA's W + scaling · B A, and what.
  private static final Map<String, String> OTHER_METHODS = new LinkedHashMap<>();

  static {
    OTHER_METHODS.put("use_qalora", "pooled inputs (QALoRA)");
    OTHER_METHODS.put("use_bdlora", "block-diagonal matrices (BD-LoRA)");
    OTHER_METHODS.put("kasa_config", "a third factor beside A and B (KaSA)");
    OTHER_METHODS.put("arrow_config", "a router between adapters (Arrow)");
    OTHER_METHODS.put("lora_bias", "biases of B");
    OTHER_METHODS.put("target_parameters", "parameters that are no modules");
    OTHER_METHODS.put("layer_replication", "layers that the base doesn't have");
    OTHER_METHODS.put("trainable_token_indices", "rows of the embeddings");
  }

  /// A value for all modules but those whose name ends as a regular expression says.
  record ByModule<T>(T usual, Map<Pattern, T> others) {

    /// @param module its name, such as `model.layers.0.self_attn.q_proj`
    T of(String module) {
      return others.entrySet().stream()
          .filter(entry -> entry.getKey().matcher(module).matches())
          .map(Map.Entry::getValue)
          .findFirst()
          .orElse(usual);
    }
  }

  /// Reads the configuration of a folder.
  ///
  /// @throws InvalidInputException when it isn't one of a LoRA adapter
  static PeftConfig read(Path folder) throws IOException {
    JsonNode json = PeftConfigFile.read(folder);
    Path file = folder.resolve(FILE);
    return new PeftConfig(
        byModule(file, json, "r", "rank_pattern", JsonNode::intValue),
        byModule(file, json, "lora_alpha", "alpha_pattern", JsonNode::doubleValue),
        json.path("use_rslora").asBoolean(),
        json.path("use_dora").asBoolean(),
        json.path("modules_to_save").valueStream().map(JsonNode::textValue).toList(),
        json.path(PeftKeys.INVOCATION).valueStream().map(JsonNode::intValue).toList(),
        unsaid(json));
  }

  private static <T> ByModule<T> byModule(
      Path file, JsonNode json, String key, String pattern, Function<JsonNode, T> value) {
    Map<Pattern, T> others = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : json.path(pattern).properties()) {
      try {
        // As PEFT's get_pattern_key: `^` anchors a key at the beginning of the module's name.
        others.put(
            Pattern.compile("(.*\\.)?(" + entry.getKey() + ")"), value.apply(entry.getValue()));
      } catch (PatternSyntaxException e) {
        throw new InvalidInputException(
            "%s: the key '%s' of %s is no regular expression"
                .formatted(file, entry.getKey(), pattern),
            e);
      }
    }
    return new ByModule<>(value.apply(json.get(key)), others);
  }

  private static List<String> unsaid(JsonNode json) {
    List<String> unsaid = new ArrayList<>();
    OTHER_METHODS.forEach(
        (key, words) -> {
          JsonNode value = json.path(key);
          if (value.isContainerNode() ? !value.isEmpty() : value.asBoolean()) {
            unsaid.add(key + ": " + words);
          }
        });
    String bias = json.path("bias").asText("none");
    if (!bias.equals("none")) {
      unsaid.add("bias '%s': biases of the base, which an adapter can't change".formatted(bias));
    }
    String beginning = json.path("init_lora_weights").asText("true");
    if (CHANGES_BASE.matcher(beginning).matches()) {
      unsaid.add(
          "init_lora_weights '%s': it changed the base's own weights; save it again with path_initial_model_for_weight_conversion"
              .formatted(beginning));
    }
    return unsaid;
  }

  /// The parts that a whole model can hold and an adapter in GGUF can't, in words.
  List<String> onlyMerged() {
    List<String> words = new ArrayList<>();
    if (dora) {
      words.add("use_dora: magnitudes of weights (DoRA)");
    }
    if (!whole.isEmpty()) {
      words.add("modules_to_save: whole weights of " + String.join(", ", whole));
    }
    return words;
  }

  /// Factor of B A for a module.
  ///
  /// @param module its name, such as `model.layers.0.self_attn.q_proj`
  double scaling(String module) {
    int rank = ranks.of(module);
    return alphas.of(module) / (rankStabilized ? Math.sqrt(rank) : rank);
  }
}
