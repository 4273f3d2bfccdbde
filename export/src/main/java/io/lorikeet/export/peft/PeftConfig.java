package io.lorikeet.export.peft;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// `adapter_config.json`: what of PEFT's `LoraConfig` decides what an adapter does.
///
/// @param alpha `lora_alpha`
/// @param rankStabilized `use_rslora`
/// @param alphas `alpha_pattern`: for modules whose name ends so, as a regular expression
/// @param dora `use_dora`: each adapted row of weights has a magnitude of its own
/// @param whole `modules_to_save`: modules whose weights are replaced
/// @param unsaid what else the configuration asks for and GGUF can't say, in words
record PeftConfig(
    double alpha,
    boolean rankStabilized,
    Map<Pattern, Double> alphas,
    boolean dora,
    List<String> whole,
    List<String> unsaid) {
  static final String FILE = "adapter_config.json";

  /// Ways to begin that change the base's own weights, so that an adapter fits no other base.
  private static final Pattern CHANGES_BASE =
      Pattern.compile("pissa.*|olora|corda|loftq", Pattern.CASE_INSENSITIVE);

  /// Reads the configuration of a folder.
  ///
  /// @throws InvalidInputException when it isn't one of a LoRA adapter
  static PeftConfig read(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException(
          "%s has no %s: it is no folder that PEFT's save_pretrained wrote"
              .formatted(folder, FILE));
    }
    JsonNode json;
    try {
      json = JsonMapper.builder().build().readTree(Files.readString(file));
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(file + " isn't JSON: " + e.getOriginalMessage(), e);
    }
    String type = json.path("peft_type").asText("none");
    if (!type.equalsIgnoreCase("LORA")) {
      throw new InvalidInputException(
          "%s is for PEFT's method '%s'; only LORA can be an adapter in GGUF"
              .formatted(file, type));
    }
    double alpha = json.path("lora_alpha").asDouble(Double.NaN);
    if (!Double.isFinite(alpha) || alpha == 0) {
      throw new InvalidInputException(
          file + ": lora_alpha is " + json.path("lora_alpha") + ", and should be a number");
    }
    requireNumbers(file, "rank_pattern", json.path("rank_pattern"));
    return new PeftConfig(
        alpha,
        json.path("use_rslora").asBoolean(false),
        alphas(file, json.path("alpha_pattern")),
        json.path("use_dora").asBoolean(false),
        json.path("modules_to_save").valueStream().map(JsonNode::asText).toList(),
        unsaid(json));
  }

  private static Map<Pattern, Double> alphas(Path file, JsonNode json) {
    requireNumbers(file, "alpha_pattern", json);
    Map<Pattern, Double> alphas = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      try {
        // As PEFT's get_pattern_key: `^` anchors a key at the beginning of the module's name.
        alphas.put(
            Pattern.compile("(.*\\.)?(" + entry.getKey() + ")"), entry.getValue().asDouble());
      } catch (PatternSyntaxException e) {
        throw new InvalidInputException(
            "%s: the key '%s' of alpha_pattern is no regular expression"
                .formatted(file, entry.getKey()),
            e);
      }
    }
    return alphas;
  }

  private static void requireNumbers(Path file, String name, JsonNode json) {
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      double value = entry.getValue().isNumber() ? entry.getValue().asDouble() : 0;
      if (!Double.isFinite(value) || value == 0) {
        throw new InvalidInputException(
            "%s: %s has %s for '%s', and should have a number"
                .formatted(file, name, entry.getValue(), entry.getKey()));
      }
    }
  }

  private static List<String> unsaid(JsonNode json) {
    List<String> unsaid = new ArrayList<>();
    if (json.path("use_qalora").asBoolean(false)) {
      unsaid.add("use_qalora: pooled inputs (QALoRA)");
    }
    if (!json.path("target_parameters").isEmpty()) {
      unsaid.add("target_parameters: " + json.path("target_parameters"));
    }
    if (!json.path("layer_replication").isEmpty()) {
      unsaid.add("layer_replication: layers that the base doesn't have");
    }
    if (!json.path("trainable_token_indices").isEmpty()) {
      unsaid.add("trainable_token_indices: rows of the embeddings");
    }
    if (!json.path("alora_invocation_tokens").isEmpty()) {
      unsaid.add("alora_invocation_tokens: an adapter that works only after certain tokens");
    }
    String beginning = json.path("init_lora_weights").asText("true");
    if (CHANGES_BASE.matcher(beginning).matches()) {
      unsaid.add(
          "init_lora_weights '%s': it changed the base's own weights; save it again with path_initial_model_for_weight_conversion"
              .formatted(beginning));
    }
    return unsaid;
  }

  /// What a whole model can hold and an adapter in GGUF can't, in words.
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
  /// @param rank rows of A
  double scaling(String module, int rank) {
    double ofModule = alpha;
    for (Map.Entry<Pattern, Double> entry : alphas.entrySet()) {
      if (entry.getKey().matcher(module).matches()) {
        ofModule = entry.getValue();
        break;
      }
    }
    return rankStabilized ? ofModule / Math.sqrt(rank) : ofModule / rank;
  }
}
