package io.lorikeet.quant.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PreTokenizersTest {
  private static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  /// Most of what llama.cpp's converter probes tokenizers with.
  private static final String TEXT =
      "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n\ud83d\ude80 (normal) 3 33 333 3333 33333"
          + " 333333 3.3 3..3 3...3 ?\u6211\u60f3\u5728apple\u5de5\u4f5c1314151\u5929\uff5e ------==="
          + " \u043d\u0435\u0449\u043e \u043d\u0430 \u0411\u044a\u043b\u0433\u0430\u0440\u0441\u043a\u0438"
          + " ''''''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE you sure? 'M not"
          + " sure I'll make it, 'D you like some tea? We'Ve a'lL HTTPServer camelCase a/b/ //\n/x  ";

  @TempDir Path folder;

  /// llama.cpp, told the name that was found, splits as the patterns in `tokenizer.json` do: with
  /// merges for every pair of neighbours that the text has anywhere, tokens end where pieces do.
  @ParameterizedTest
  @CsvSource({
    "llama3, true, llama-bpe",
    "llama3, false, dbrx",
    "qwen2, false, qwen2",
    "gpt4o, false, gpt-4o",
    "tekken, true, tekken",
    "seed, false, seed-coder",
    "gpt2, false, gpt-2",
    "digits, false, smollm"
  })
  void llamaCppSplitsAsTheTokenizerSays(String rules, boolean ignoreMerges, String expected)
      throws IOException {
    TinyFolder tiny = new TinyFolder(folder.resolve("m"), "LlamaForCausalLM");
    tiny.tokenizer = tokenizer(rules, ignoreMerges);
    ObjectNode model = (ObjectNode) tiny.tokenizer.get("model");
    Map<String, Integer> merges = mergesOfNeighbours(pieces(rules), model);
    tiny.config.put("vocab_size", model.get("vocab").size() + 3);
    int id = model.get("vocab").size();
    for (JsonNode added : tiny.tokenizer.get("added_tokens")) {
      ((ObjectNode) added).put("id", id++);
    }
    tiny.write();
    Vocabulary vocabulary = Vocabulary.byteLevel(ModelFolder.open(tiny.path), Optional.empty());
    assertEquals(Optional.of(expected), vocabulary.preTokenizer());
    GgufWriter writer = new GgufWriter();
    writer.putString("general.architecture", "llama").putUint32("llama.block_count", 1);
    vocabulary.put(writer);
    writer.putUint32("tokenizer.ggml.bos_token_id", id - 3);
    writer.putUint32("tokenizer.ggml.eos_token_id", id - 2);
    Path path = folder.resolve("vocabulary.gguf");
    writer.write(path);
    try (LlamaModel llama = LlamaModel.load(path, LlamaModel.Options.VOCABULARY)) {
      int[] expectedIds = reference(pieces(rules), merges, model);
      assertArrayEquals(expectedIds, llama.vocabulary().tokenize(TEXT, false, false));
    }
  }

  private static ObjectNode tokenizer(String rules, boolean ignoreMerges) {
    ObjectNode tokenizer = TinyFolder.byteLevelTokenizer(pattern(rules), ignoreMerges);
    ObjectNode bytes = JsonMapper.builder().build().createObjectNode();
    bytes.put("type", "ByteLevel").put("add_prefix_space", false).put("use_regex", true);
    if (rules.equals("gpt2")) {
      tokenizer.set("pre_tokenizer", bytes);
    } else if (rules.equals("digits")) {
      var steps = tokenizer.putObject("pre_tokenizer").put("type", "Sequence");
      var list = steps.putArray("pretokenizers");
      list.addObject().put("type", "Digits").put("individual_digits", true);
      list.add(bytes);
    }
    return tokenizer;
  }

  /// The patterns as the tokenizers of Llama 3, Qwen 2, Seed, gpt-oss and Mistral Nemo have them.
  private static String pattern(String rules) {
    String contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    String upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    String lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    String before = "[^\\r\\n\\p{L}\\p{N}]?";
    String rest = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    return switch (rules) {
      case "llama3" -> TinyFolder.PATTERN_OF_LLAMA_3;
      case "qwen2" -> TinyFolder.PATTERN_OF_LLAMA_3.replace("{1,3}", "");
      case "seed" ->
          contractions
              + "|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+"
              + "|\\s+(?!\\S)|\\s+";
      case "gpt4o" ->
          before
              + upper
              + "*"
              + lower
              + "+"
              + contractions
              + "?|"
              + before
              + upper
              + "+"
              + lower
              + "*"
              + contractions
              + "?|\\p{N}{1,3}|"
              + rest;
      case "tekken" ->
          before + upper + "*" + lower + "+|" + before + upper + "+" + lower + "*|\\p{N}|" + rest;
      default -> GPT2;
    };
  }

  private static List<String> pieces(String rules) {
    List<String> parts = rules.equals("digits") ? digitsApart() : List.of(TEXT);
    Pattern pattern = Pattern.compile(pattern(rules), Pattern.UNICODE_CHARACTER_CLASS);
    List<String> pieces = new ArrayList<>();
    for (String part : parts) {
      Matcher matcher = pattern.matcher(part);
      while (matcher.find()) {
        pieces.add(matcher.group());
      }
    }
    assertEquals(TEXT, String.join("", pieces));
    return pieces;
  }

  private static List<String> digitsApart() {
    List<String> parts = new ArrayList<>();
    Matcher matcher = Pattern.compile("\\p{N}|\\P{N}+").matcher(TEXT);
    while (matcher.find()) {
      parts.add(matcher.group());
    }
    return parts;
  }

  /// A merge for each pair of letters that are neighbours anywhere in the text, also across pieces.
  private static Map<String, Integer> mergesOfNeighbours(List<String> pieces, ObjectNode model) {
    Map<String, Integer> merges = new HashMap<>();
    ObjectNode vocabulary = (ObjectNode) model.get("vocab");
    var list = model.putArray("merges");
    String letters = letters(String.join("", pieces));
    for (int i = 0; i + 1 < letters.length(); i++) {
      String left = letters.substring(i, i + 1);
      String right = letters.substring(i + 1, i + 2);
      if (merges.putIfAbsent(left + " " + right, merges.size()) == null) {
        list.add(left + " " + right);
        if (!vocabulary.has(left + right)) {
          vocabulary.put(left + right, vocabulary.size());
        }
      }
    }
    return merges;
  }

  private static String letters(String text) {
    List<String> bytes = TinyFolder.bytes();
    StringBuilder letters = new StringBuilder();
    for (byte each : text.getBytes(StandardCharsets.UTF_8)) {
      letters.append(bytes.get(each & 0xff));
    }
    return letters.toString();
  }

  /// Byte-level BPE as it is defined: in each piece, the pair with the first merge is merged again
  /// and again.
  private static int[] reference(
      List<String> pieces, Map<String, Integer> merges, ObjectNode model) {
    List<Integer> ids = new ArrayList<>();
    for (String piece : pieces) {
      List<String> parts = new ArrayList<>(List.of(letters(piece).split("")));
      while (true) {
        int best = -1;
        int rank = Integer.MAX_VALUE;
        for (int i = 0; i + 1 < parts.size(); i++) {
          int found = merges.getOrDefault(parts.get(i) + " " + parts.get(i + 1), Integer.MAX_VALUE);
          if (found < rank) {
            rank = found;
            best = i;
          }
        }
        if (best < 0) {
          break;
        }
        parts.set(best, parts.get(best) + parts.remove(best + 1));
      }
      parts.forEach(part -> ids.add(model.get("vocab").get(part).asInt()));
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  @Test
  void familiesChooseAmongNamesOfTheSameRules() throws IOException {
    Config tokenizer = new Config(folder, tokenizer("digits", false));
    assertEquals("refact", PreTokenizers.name(tokenizer, Optional.of("refact")));
    assertEquals("smollm", PreTokenizers.name(tokenizer, Optional.of("glm4")));
    Config llama = new Config(folder, tokenizer("llama3", false));
    assertEquals("glm4", PreTokenizers.name(llama, Optional.of("glm4")));
  }
}
