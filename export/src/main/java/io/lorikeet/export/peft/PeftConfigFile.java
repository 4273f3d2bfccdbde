package io.lorikeet.export.peft;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.quant.FolderKind;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Reads `adapter_config.json` and checks that each value has the type that PEFT declares for it
/// (`LoraConfig`). `null` counts as absent, and keys that PEFT doesn't know are passed over: other
/// programs add such.
final class PeftConfigFile {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /// A type of values, and its name in messages.
  private enum ValueKind {
    FLAG("true or false", JsonNode::isBoolean),
    SIZE("a whole number above 0", ValueKind::isSize),
    NUMBER("a number", ValueKind::isNumber),
    SCALE("a number other than 0", ValueKind::isScale),
    TEXT("a string", JsonNode::isTextual),
    FLAG_OR_TEXT("true, false or a string", node -> node.isBoolean() || node.isTextual()),
    TEXTS("a list of strings", ValueKind::isTexts),
    TEXT_OR_TEXTS("a string or a list of strings", node -> node.isTextual() || isTexts(node)),
    INDICES(
        "a whole number or a list of such",
        node -> node.isIntegralNumber() || isListOf(node, JsonNode::isIntegralNumber)),
    TOKENS("a list of token ids", node -> isListOf(node, ValueKind::isToken)),
    LIST("a list", JsonNode::isArray),
    LIST_OR_OBJECT("a list or an object", JsonNode::isContainerNode),
    OBJECT("an object", JsonNode::isObject),
    SIZES(
        "an object with whole numbers above 0",
        node -> node.isObject() && node.valueStream().allMatch(ValueKind::isSize)),
    SCALES(
        "an object with numbers other than 0",
        node -> node.isObject() && node.valueStream().allMatch(ValueKind::isScale));

    private final String words;
    private final Predicate<JsonNode> fits;

    ValueKind(String words, Predicate<JsonNode> fits) {
      this.words = words;
      this.fits = fits;
    }

    private static boolean isSize(JsonNode node) {
      return node.isIntegralNumber() && node.canConvertToInt() && node.intValue() > 0;
    }

    private static boolean isToken(JsonNode node) {
      return node.isIntegralNumber() && node.canConvertToInt() && node.intValue() >= 0;
    }

    private static boolean isNumber(JsonNode node) {
      return node.isNumber() && Double.isFinite(node.doubleValue());
    }

    private static boolean isScale(JsonNode node) {
      return isNumber(node) && node.doubleValue() != 0;
    }

    private static boolean isTexts(JsonNode node) {
      return isListOf(node, JsonNode::isTextual);
    }

    private static boolean isListOf(JsonNode node, Predicate<JsonNode> fits) {
      return node.isArray() && node.valueStream().allMatch(fits);
    }
  }

  private static final List<String> REQUIRED = List.of("r", "lora_alpha");

  private static final Map<String, ValueKind> KINDS = new LinkedHashMap<>();

  static {
    put(ValueKind.SIZE, "r", "qalora_group_size");
    put(ValueKind.SCALE, "lora_alpha");
    put(ValueKind.SIZES, "rank_pattern");
    put(ValueKind.SCALES, "alpha_pattern");
    put(ValueKind.FLAG, "use_rslora", "use_dora", "use_qalora", "lora_bias", "fan_in_fan_out");
    put(ValueKind.FLAG, "inference_mode", "ensure_weight_tying");
    put(ValueKind.TEXT_OR_TEXTS, "target_modules", "exclude_modules", "layers_pattern");
    put(ValueKind.TEXTS, "modules_to_save", "target_parameters");
    put(ValueKind.INDICES, "layers_to_transform");
    put(ValueKind.LIST, "layer_replication");
    put(ValueKind.TOKENS, PeftKeys.INVOCATION);
    put(ValueKind.LIST_OR_OBJECT, "trainable_token_indices");
    put(ValueKind.FLAG_OR_TEXT, "init_lora_weights");
    put(
        ValueKind.TEXT,
        "bias",
        "task_type",
        "base_model_name_or_path",
        "revision",
        "megatron_core");
    put(ValueKind.NUMBER, "lora_dropout");
    put(ValueKind.OBJECT, "auto_mapping", "megatron_config", "runtime_config", "loftq_config");
    put(ValueKind.OBJECT, "eva_config", "corda_config", "lora_ga_config", "velora_config");
    put(ValueKind.OBJECT, "kasa_config", "use_bdlora", "arrow_config", "monteclora_config");
  }

  private PeftConfigFile() {}

  private static void put(ValueKind kind, String... keys) {
    Stream.of(keys).forEach(key -> KINDS.put(key, kind));
  }

  /// The configuration in a folder.
  ///
  /// @return an object whose values have the right types, with `r` and `lora_alpha`
  /// @throws InvalidInputException when the folder is something else, or with all values that are
  ///     wrong
  static JsonNode read(Path folder) throws IOException {
    Path file = folder.resolve(PeftConfig.FILE);
    FolderKind.require(folder, FolderKind.PEFT_ADAPTER);
    JsonNode json = parse(file);
    String type = json.path("peft_type").asText("none");
    if (!type.equalsIgnoreCase("LORA")) {
      throw new InvalidInputException(
          "%s is for PEFT's method '%s'; only LORA can be an adapter in GGUF"
              .formatted(file, type));
    }
    List<String> problems = new ArrayList<>();
    for (Map.Entry<String, ValueKind> each : KINDS.entrySet()) {
      String key = each.getKey();
      JsonNode value = json.path(key);
      boolean absent = value.isMissingNode() || value.isNull();
      if (absent && REQUIRED.contains(key)) {
        problems.add("%s is missing, and should be %s".formatted(key, each.getValue().words));
      } else if (!absent && !each.getValue().fits.test(value)) {
        problems.add("%s is %s, and should be %s".formatted(key, value, each.getValue().words));
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(file.toString(), problems);
    }
    return json;
  }

  private static JsonNode parse(Path file) throws IOException {
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(file));
      if (!json.isObject()) {
        throw new InvalidInputException(file + " isn't a JSON object");
      }
      return json;
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      throw new InvalidInputException(
          "%s isn't valid JSON%s; save the adapter again"
              .formatted(
                  file,
                  at == null
                      ? ""
                      : ", at line %s, column %s".formatted(at.getLineNr(), at.getColumnNr())),
          e);
    }
  }
}
