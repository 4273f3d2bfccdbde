package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which of llama.cpp's pre-tokenizers splits text as a `tokenizer.json` says.
///
/// llama.cpp's converter encodes a text with the model's own tokenizer and looks the tokens' hash
/// up in a list of tokenizers that it knows. The rules themselves are in `tokenizer.json`, though:
/// the patterns, and whether a whole piece that is a token is merged at all. So they are compared
/// with the rules that llama.cpp implements, and models with new vocabularies are found as well.
final class PreTokenizers {
  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String WORDS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
  private static final String REST =
      " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String REST_WITH_SLASH =
      " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String NO_LETTER = "[^\\r\\n\\p{L}\\p{N}]?";

  private static final String SPLIT = "split ";
  private static final String BYTES = "bytes";
  private static final String GPT2 = "bytes by GPT-2's pattern";
  private static final String DIGITS = "single digits";

  /// Rules, as [#rules] writes them, and the names of those pre-tokenizers that follow them. The
  /// first is the usual one, others are what single families are known by.
  private static final Map<List<String>, List<String>> KNOWN =
      Map.of(
          List.of(SPLIT + llama3(), BYTES, "whole tokens first"),
          List.of("llama-bpe", "lfm2"),
          List.of(SPLIT + llama3(), BYTES),
          List.of("dbrx", "glm4"),
          List.of(SPLIT + CONTRACTIONS + "|" + WORDS + "|\\p{N}|" + REST, BYTES),
          List.of("qwen2"),
          List.of(SPLIT + qwen35(), BYTES),
          List.of("qwen35"),
          List.of(SPLIT + seedCoder(), BYTES),
          List.of("seed-coder"),
          List.of(GPT2),
          List.of("gpt-2", "olmo", "exaone4"),
          List.of(DIGITS, GPT2),
          List.of("smollm", "refact", "starcoder"),
          List.of(SPLIT + gpt4o(), BYTES),
          List.of("gpt-4o"),
          List.of(SPLIT + tekken(), BYTES, "whole tokens first"),
          List.of("tekken"),
          List.of(
              SPLIT + "[\\r\\n]",
              SPLIT + "\\s?\\p{L}+",
              SPLIT + "\\s?\\p{P}+",
              SPLIT + "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
              DIGITS,
              BYTES),
          List.of("deepseek-coder"));

  private PreTokenizers() {}

  private static String llama3() {
    return CONTRACTIONS + "|" + WORDS + "|\\p{N}{1,3}|" + REST;
  }

  /// Marks belong to words.
  private static String qwen35() {
    return CONTRACTIONS
        + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
        + "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  }

  private static String seedCoder() {
    return CONTRACTIONS
        + "|"
        + WORDS
        + "|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  }

  private static String gpt4o() {
    return NO_LETTER
        + UPPER
        + "*"
        + LOWER
        + "+"
        + CONTRACTIONS
        + "?|"
        + NO_LETTER
        + UPPER
        + "+"
        + LOWER
        + "*"
        + CONTRACTIONS
        + "?|\\p{N}{1,3}|"
        + REST_WITH_SLASH;
  }

  private static String tekken() {
    return NO_LETTER
        + UPPER
        + "*"
        + LOWER
        + "+|"
        + NO_LETTER
        + UPPER
        + "+"
        + LOWER
        + "*|\\p{N}|"
        + REST_WITH_SLASH;
  }

  /// llama.cpp's name for a tokenizer's rules.
  ///
  /// @param wanted the name to prefer where several stand for the same rules
  /// @throws InvalidInputException when llama.cpp has no such rules, as far as is known here
  static String name(Config tokenizer, Optional<String> wanted) {
    List<String> rules = rules(tokenizer);
    List<String> names = KNOWN.get(rules);
    if (names == null) {
      throw tokenizer.invalid(
          "text is split by rules that none of llama.cpp's known pre-tokenizers follows: "
              + String.join(", ", rules)
              + ". Convert the model with llama.cpp's convert_hf_to_gguf.py");
    }
    return wanted.filter(names::contains).orElse(names.getFirst());
  }

  /// The rules in an order and form that can be compared.
  static List<String> rules(Config tokenizer) {
    List<String> rules = new ArrayList<>();
    add(tokenizer.json().path("pre_tokenizer"), rules);
    if (tokenizer.part("model").flag("ignore_merges")) {
      rules.add("whole tokens first");
    }
    return List.copyOf(rules);
  }

  private static void add(JsonNode rule, List<String> rules) {
    switch (rule.path("type").asText()) {
      case "Sequence" -> rule.path("pretokenizers").forEach(each -> add(each, rules));
      case "Digits" ->
          rules.add(rule.path("individual_digits").asBoolean() ? DIGITS : "groups of digits");
      case "ByteLevel" -> {
        String prefix = rule.path("add_prefix_space").asBoolean() ? " after a space" : "";
        rules.add((rule.path("use_regex").asBoolean(true) ? GPT2 : BYTES) + prefix);
      }
      case "Split" -> {
        boolean isolated = rule.path("behavior").asText().equals("Isolated");
        // Kept are the matches either way: what is between them is removed, or is nothing.
        boolean removed =
            rule.path("behavior").asText().equals("Removed") && rule.path("invert").asBoolean();
        String pattern =
            rule.path("pattern")
                .path("Regex")
                .asText(rule.path("pattern").toString())
                .replace("\r", "\\r") // some write the characters themselves
                .replace("\n", "\\n");
        rules.add(isolated || removed ? SPLIT + pattern : "other split " + pattern);
      }
      default -> rules.add(rule.isNull() || rule.isMissingNode() ? "none" : rule.toString());
    }
  }
}
