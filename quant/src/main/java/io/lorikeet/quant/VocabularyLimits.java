package io.lorikeet.quant;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Conditions of libllama on a vocabulary that don't end in an error while it is loaded
/// (`llama_vocab::impl::load`). Those that libllama refuses itself, with a reason, aren't checked
/// here.
public final class VocabularyLimits {
  private static final String TOKENS = "tokenizer.ggml.tokens";
  private static final String MODEL = "tokenizer.ggml.model";
  private static final String SCORES = "tokenizer.ggml.scores";
  private static final String NAME = "general.name";

  /// libllama looks these up in the vocabulary of every model whose name has one of [#PHI] in it.
  private static final List<String> PHI_TOKENS = List.of("</s>", "<unk>", "<s>", "<|endoftext|>");

  private static final List<String> PHI = List.of("phi-3", "phi3");

  /// Tokenizers of models that write no text. libllama ends the process for a token that is a byte
  /// or a missing separator ("bert"), for a damaged table of characters ("t5"), and has one that
  /// only its own tests use ("test").
  private static final List<String> NOT_OF_WRITERS = List.of("bert", "t5", "test");

  private VocabularyLimits() {}

  /// @throws InvalidInputException naming what libllama would end the process for or can't load
  static void check(GgufMetadata metadata) {
    if (!(metadata.value(TOKENS).orElse(null) instanceof GgufValue.Array array)
        || array.elementType() != GgufType.STRING) {
      return;
    }
    List<String> problems = new ArrayList<>();
    Map<String, Integer> ids = ids(array.strings(), problems);
    metadata.string(NAME).ifPresent(name -> checkName(name, ids, problems));
    String model = metadata.string(MODEL).orElse("");
    if (NOT_OF_WRITERS.contains(model)) {
      problems.add(
          "%s is '%s', and no model that writes text has this tokenizer".formatted(MODEL, model));
    }
    if (model.equals("rwkv")) {
      checkSingleBytes(array.strings(), problems);
    }
    if (metadata.value(SCORES).orElse(null) instanceof GgufValue.Array scores
        && scores.elementType().isReal()
        && hasNaN(scores.doubles())) {
      problems.add(SCORES + " holds NaN");
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          metadata.source() + ": llama.cpp can't load this vocabulary; convert the model again",
          problems);
    }
  }

  private static Map<String, Integer> ids(List<String> tokens, List<String> problems) {
    if (tokens.isEmpty()) {
      problems.add(TOKENS + " is empty");
    }
    Map<String, Integer> ids = HashMap.newHashMap(tokens.size());
    for (int id = 0; id < tokens.size(); id++) {
      // libllama's name for a token without text
      String token = tokens.get(id).isEmpty() ? "[EMPTY_" + id + "]" : tokens.get(id);
      Integer first = ids.putIfAbsent(token, id);
      if (first != null) {
        problems.add("tokens %s and %s are both '%s'".formatted(first, id, token));
      }
    }
    return ids;
  }

  /// Whether libllama can load a vocabulary in a model of this name.
  public static boolean bearsName(String name, List<String> tokens) {
    List<String> problems = new ArrayList<>();
    checkName(name, ids(tokens, new ArrayList<>()), problems);
    return problems.isEmpty();
  }

  private static void checkName(String name, Map<String, Integer> ids, List<String> problems) {
    String lower = name.toLowerCase(Locale.ROOT);
    List<String> missing = PHI_TOKENS.stream().filter(token -> !ids.containsKey(token)).toList();
    if (PHI.stream().anyMatch(lower::contains) && !missing.isEmpty()) {
      problems.add(
          "%s is '%s', and of a model called so llama.cpp wants the tokens %s"
              .formatted(NAME, name, String.join(", ", missing)));
    }
  }

  /// libllama's tokenizer of RWKV models takes the longest token that a text begins with. Where
  /// tokens begin with a byte that is no token itself, it may find none, and asks for ever.
  private static void checkSingleBytes(List<String> tokens, List<String> problems) {
    BitSet first = new BitSet();
    BitSet single = new BitSet();
    for (String token : tokens) {
      byte[] bytes = unescaped(token);
      if (bytes.length > 0) {
        first.set(Byte.toUnsignedInt(bytes[0]));
      }
      if (bytes.length == 1) {
        single.set(Byte.toUnsignedInt(bytes[0]));
      }
    }
    first.andNot(single);
    if (!first.isEmpty()) {
      problems.add(
          "%s is 'rwkv', and %s bytes that tokens begin with are no tokens"
              .formatted(MODEL, first.cardinality()));
    }
  }

  /// A token's bytes (`llama_unescape_rwkv_token`).
  private static byte[] unescaped(String token) {
    byte[] text = token.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < text.length; i++) {
      if (text[i] != '\\' || i + 1 == text.length) {
        bytes.write(text[i]);
        continue;
      }
      byte escape = text[++i];
      if (escape == 'x' && i + 2 < text.length) {
        int high = Character.digit(text[++i], 16);
        bytes.write(16 * high + Character.digit(text[++i], 16));
      } else {
        bytes.write(
            switch (escape) {
              case 't' -> '\t';
              case 'n' -> '\n';
              case 'r' -> '\r';
              default -> escape;
            });
      }
    }
    return bytes.toByteArray();
  }

  private static boolean hasNaN(double[] values) {
    for (double value : values) {
      if (Double.isNaN(value)) {
        return true;
      }
    }
    return false;
  }
}
