package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A model's tokens and how text is split into them, as `tokenizer.ggml.*` has them.
///
/// @param model `llama` for SentencePiece, `gpt2` for byte-level BPE, `gemma4` for Gemma 4's
/// @param preTokenizer llama.cpp's name of the rules by which text is split first, where the model
///     leaves a choice
/// @param tokens the text of each id
/// @param scores SentencePiece's, empty for byte-level BPE
/// @param types of each token, [#NORMAL] and the following
/// @param merges of byte-level BPE, the first to be applied first
/// @param addsSpacePrefix whether a space is put before a text, where the model says so
record Vocabulary(
    String model,
    Optional<String> preTokenizer,
    List<String> tokens,
    float[] scores,
    int[] types,
    List<String> merges,
    Optional<Boolean> addsSpacePrefix) {
  static final int NORMAL = 1;
  static final int UNKNOWN = 2;
  static final int CONTROL = 3;
  static final int USER_DEFINED = 4;
  static final int UNUSED = 5;
  static final int BYTE = 6;

  private static final char SPACE_MARK = '\u2581';

  /// A token that is no piece of text but added to the vocabulary.
  private record AddedToken(int id, String content, boolean special) {}

  /// The vocabulary of a folder's `tokenizer.model`
  /// (`_create_vocab_sentencepiece` in llama.cpp's `conversion/base.py`).
  static Vocabulary sentencePiece(ModelFolder folder) throws IOException {
    SentencePieceModel model =
        SentencePieceModel.read(folder.file("tokenizer.model").orElseThrow());
    int size = (int) folder.config().integer("vocab_size").orElse(model.pieces().size());
    Slots slots = new Slots(folder, size, -10_000);
    for (int id = 0; id < Math.min(size, model.pieces().size()); id++) {
      SentencePieceModel.Piece piece = model.pieces().get(id);
      int type = piece.type() == USER_DEFINED ? NORMAL : piece.type();
      slots.set(id, piece.text(), piece.score(), type);
    }
    Optional<Config> added = ModelFolder.read(folder.path().resolve("added_tokens.json"));
    if (added.isPresent()) {
      for (Map.Entry<String, JsonNode> token : added.get().json().properties()) {
        slots.set(token.getValue().asInt(-1), token.getKey(), -1000, USER_DEFINED);
      }
    }
    for (AddedToken token : addedByTokenizerConfig(folder)) {
      slots.add(token);
    }
    Optional<Boolean> prefix = // llama.cpp adds it unless told otherwise
        model.addsSpacePrefix() ? Optional.empty() : Optional.of(false);
    return slots.vocabulary("llama", Optional.of("default"), List.of(), prefix);
  }

  /// The vocabulary of a `tokenizer.json` that merges characters and falls back to bytes, as
  /// transformers makes it of a SentencePiece model. llama.cpp merges what gives the token of the
  /// highest score, so each token's score is its merge's place, negated. (Its own converter gives
  /// all tokens one score, and the texts come out in other tokens than the model was trained on.)
  static Vocabulary characterLevel(ModelFolder folder, Config tokenizer) {
    Config model = tokenizer.part("model");
    Map<String, Integer> ids = ids(model);
    Map<String, Integer> ranks = new HashMap<>();
    List<String> merges = merges(model);
    for (int i = 0; i < merges.size(); i++) {
      ranks.putIfAbsent(merges.get(i).replaceFirst(" ", ""), i);
    }
    Slots slots = new Slots(folder, size(folder, ids, tokenizer), -1000);
    String unknown = model.text("unk_token").orElse("");
    ids.forEach(
        (text, id) -> {
          boolean isByte = isByte(text);
          float score = ranks.containsKey(text) ? -ranks.get(text) : -1_000_000;
          slots.set(id, text, isByte ? 0 : score, isByte ? BYTE : NORMAL);
        });
    for (AddedToken token : added(tokenizer)) {
      slots.add(token);
      if (token.special()) {
        slots.scores[token.id()] = 0;
      }
    }
    if (ids.containsKey(unknown)) {
      slots.set(ids.get(unknown), unknown, 0, UNKNOWN);
    }
    return slots.vocabulary(
        "llama", Optional.of("default"), List.of(), Optional.of(prependsSpace(tokenizer)));
  }

  /// The vocabulary of Gemma 4's `tokenizer.json`: characters, merged by the list of merges, and
  /// tokens for bytes (`Gemma4Model.set_vocab` in `conversion/gemma.py`).
  ///
  /// @param control tokens that steer the model and are no text
  /// @param shown tokens that are recognized as a whole, and shown when they are generated
  static Vocabulary gemma4(ModelFolder folder, Set<String> control, Set<String> shown) {
    Config tokenizer = folder.tokenizer().orElseThrow(() -> noTokenizer(folder));
    Config model = tokenizer.part("model");
    if (!model.flag("byte_fallback") || model.list("merges").isEmpty()) {
      throw tokenizer.invalid("Gemma 4's tokenizer merges characters and falls back to bytes");
    }
    Map<String, Integer> ids = ids(model);
    Slots slots = new Slots(folder, size(folder, ids, tokenizer), -1000);
    Map<String, Integer> all = new LinkedHashMap<>(ids);
    added(tokenizer).forEach(token -> all.put(token.content(), token.id()));
    all.forEach(
        (text, id) -> {
          int type = ids.containsKey(text) ? NORMAL : USER_DEFINED;
          if (shown.contains(text)) {
            type = USER_DEFINED;
          } else if (isByte(text)) {
            type = BYTE;
          } else if (control.contains(text)) {
            type = CONTROL;
          }
          slots.set(id, text, -1000, type);
        });
    return slots.vocabulary("gemma4", Optional.empty(), merges(model), Optional.of(false));
  }

  private static boolean isByte(String text) {
    return text.matches("<0x[0-9A-Fa-f]{2}>");
  }

  private static boolean prependsSpace(Config tokenizer) {
    String normalizer = tokenizer.json().path("normalizer").toString();
    JsonNode split = tokenizer.json().path("pre_tokenizer");
    boolean metaspace =
        split.path("type").asText().equals("Metaspace")
            && !split.path("prepend_scheme").asText("always").equals("never")
            && split.path("add_prefix_space").asBoolean(true);
    return normalizer.contains("\"Prepend\"") || metaspace;
  }

  /// The vocabulary of a byte-level `tokenizer.json`.
  ///
  /// @param name this family's name of its pre-tokenizer, where llama.cpp has several names for the
  ///     same
  static Vocabulary byteLevel(ModelFolder folder, Optional<String> name) {
    Config tokenizer = folder.tokenizer().orElseThrow(() -> noTokenizer(folder));
    Config model = tokenizer.part("model");
    if (!model.text("type").orElse("").equals("BPE")) {
      throw tokenizer.invalid(
          "the tokenizer is of type '%s'; only BPE and SentencePiece are known"
              .formatted(model.text("type").orElse("none")));
    }
    if (model.flag("byte_fallback")) {
      return characterLevel(folder, tokenizer);
    }
    Map<String, Integer> ids = ids(model);
    Slots slots = new Slots(folder, size(folder, ids, tokenizer), 0);
    ids.forEach((text, id) -> slots.set(id, text, 0, NORMAL));
    added(tokenizer).forEach(slots::add);
    for (AddedToken token : addedByTokenizerConfig(folder)) {
      slots.add(token);
    }
    Optional<String> preTokenizer = Optional.of(PreTokenizers.name(tokenizer, name));
    return slots.vocabulary("gpt2", preTokenizer, merges(model), Optional.empty());
  }

  private static InvalidInputException noTokenizer(ModelFolder folder) {
    return new InvalidInputException(
        folder.path()
            + " has neither tokenizer.json nor tokenizer.model. Save the tokenizer into it with"
            + " save_pretrained");
  }

  private static Map<String, Integer> ids(Config model) {
    Map<String, Integer> ids = new HashMap<>();
    for (Map.Entry<String, JsonNode> token : model.json().path("vocab").properties()) {
      if (!token.getValue().canConvertToInt()) {
        throw model.invalid("the id of token '%s' isn't a number".formatted(token.getKey()));
      }
      ids.put(token.getKey(), token.getValue().asInt());
    }
    if (ids.isEmpty()) {
      throw model.invalid("there are no tokens under model.vocab");
    }
    return ids;
  }

  /// `vocab_size` of the configuration; ids beyond the tokenizer's tokens are filled up.
  private static int size(ModelFolder folder, Map<String, Integer> ids, Config tokenizer) {
    int known = 1 + ids.values().stream().mapToInt(Integer::intValue).max().orElse(0);
    for (AddedToken token : added(tokenizer)) {
      known = Math.max(known, token.id() + 1);
    }
    int size = (int) folder.config().integer("vocab_size").orElse(known);
    if (size < known) {
      throw folder
          .config()
          .invalid(
              "'vocab_size' is %s, but tokenizer.json has tokens up to id %s"
                  .formatted(size, known - 1));
    }
    return size;
  }

  /// In the form `left right`; spaces within are written as byte-level BPE does.
  private static List<String> merges(Config model) {
    List<JsonNode> list = model.list("merges").orElse(List.of());
    List<String> merges = new ArrayList<>(list.size());
    for (JsonNode merge : list) {
      if (merge.isTextual()) {
        merges.add(merge.textValue());
      } else if (merge.isArray() && merge.size() == 2) {
        merges.add(withoutSpaces(merge.get(0)) + " " + withoutSpaces(merge.get(1)));
      } else {
        throw model.invalid("a merge is neither a string nor a pair: " + merge);
      }
    }
    return merges;
  }

  private static String withoutSpaces(JsonNode text) {
    return text.asText().replace(' ', (char) (' ' + 256));
  }

  private static List<AddedToken> added(Config tokenizer) {
    List<AddedToken> tokens = new ArrayList<>();
    for (JsonNode token : tokenizer.list("added_tokens").orElse(List.of())) {
      tokens.add(
          new AddedToken(
              token.path("id").asInt(-1),
              token.path("content").asText(),
              token.path("special").asBoolean()));
    }
    return tokens;
  }

  private static List<AddedToken> addedByTokenizerConfig(ModelFolder folder) {
    List<AddedToken> tokens = new ArrayList<>();
    Config config = folder.tokenizerConfig().orElse(folder.config()).part("added_tokens_decoder");
    for (Map.Entry<String, JsonNode> token : config.json().properties()) {
      if (!token.getKey().matches("\\d{1,9}")) {
        throw config.invalid("'added_tokens_decoder' has the id '" + token.getKey() + "'");
      }
      tokens.add(
          new AddedToken(
              Integer.parseInt(token.getKey()),
              token.getValue().path("content").asText(),
              token.getValue().path("special").asBoolean()));
    }
    return tokens;
  }

  /// Whether a token is a control token although it isn't marked as special
  /// (`does_token_look_special` in `conversion/base.py`).
  private static boolean looksSpecial(String text) {
    return List.of("<pad>", "<mask>", "<2mass>", "[@BOS@]").contains(text)
        || text.startsWith("<|") && text.endsWith("|>")
        || text.startsWith("<\uff5c") && text.endsWith("\uff5c>")
        || text.startsWith("<unused") && text.endsWith(">");
  }

  int size() {
    return tokens.size();
  }

  Vocabulary withSpacePrefix(boolean adds) {
    return new Vocabulary(model, preTokenizer, tokens, scores, types, merges, Optional.of(adds));
  }

  void put(GgufWriter writer) {
    addsSpacePrefix.ifPresent(adds -> writer.putBool("tokenizer.ggml.add_space_prefix", adds));
    writer.putString("tokenizer.ggml.model", model);
    preTokenizer.ifPresent(name -> writer.putString("tokenizer.ggml.pre", name));
    writer.putStrings("tokenizer.ggml.tokens", tokens);
    if (scores.length > 0) {
      writer.put("tokenizer.ggml.scores", GgufValue.Array.ofFloats(scores));
    }
    writer.putInts("tokenizer.ggml.token_type", types);
    if (!merges.isEmpty()) {
      writer.putStrings("tokenizer.ggml.merges", merges);
    }
  }

  /// A vocabulary of the size that the model has, which fills up.
  private static final class Slots {
    private final ModelFolder folder;
    private final String[] tokens;
    private final float[] scores;
    private final int[] types;

    Slots(ModelFolder folder, int size, float score) {
      if (size < 1 || size > 1 << 24) {
        throw folder.config().invalid("'vocab_size' is " + size + ", which can't be right");
      }
      this.folder = folder;
      tokens = new String[size];
      scores = new float[size];
      types = new int[size];
      Arrays.fill(scores, score);
      Arrays.fill(types, UNUSED);
      for (int i = 0; i < size; i++) {
        tokens[i] = "[PAD" + i + "]";
      }
    }

    void set(int id, String text, float score, int type) {
      if (id < 0) {
        throw new InvalidInputException(
            folder.path() + ": the tokenizer's token '" + text + "' has no valid id");
      }
      if (id < tokens.length) { // beyond are tokens that the model has no embeddings for
        tokens[id] = text;
        scores[id] = score;
        types[id] = type;
      }
    }

    void add(AddedToken token) {
      boolean control = token.special() || looksSpecial(token.content());
      String text = control ? token.content() : token.content().replace(SPACE_MARK, ' ');
      set(token.id(), text, -1000, control ? CONTROL : USER_DEFINED);
    }

    Vocabulary vocabulary(
        String model,
        Optional<String> preTokenizer,
        List<String> merges,
        Optional<Boolean> prefix) {
      float[] written = model.equals("gpt2") ? new float[0] : scores;
      return new Vocabulary(model, preTokenizer, List.of(tokens), written, types, merges, prefix);
    }
  }
}
