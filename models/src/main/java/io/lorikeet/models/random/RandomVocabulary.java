package io.lorikeet.models.random;

import io.lorikeet.quant.GgufWriter;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// A vocabulary as SentencePiece makes them (`tokenizer.ggml.model` = "llama"): the three special
/// tokens, 256 bytes, printable characters, beginnings of frequent words, then letter combinations
/// until there are enough. Every piece but a character is a shorter piece and a character more, so
/// that the tokenizer's merging can reach it.
final class RandomVocabulary {
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int BYTE = 6;
  private static final String SPACE = "\u2581";
  private static final String WORDS =
      "the and to a was he she it of in that her you they said is his with for day on had one very little big"
          + " play happy saw so were like mom there what name number SELECT FROM WHERE COUNT table columns";

  private RandomVocabulary() {}

  /// Puts the keys of a vocabulary of this size.
  static void putInto(GgufWriter writer, int size) {
    List<String> pieces = pieces(size);
    float[] scores = new float[size];
    int[] types = new int[size];
    for (int i = 0; i < size; i++) {
      types[i] = i == 0 ? UNKNOWN : i < 3 ? CONTROL : i < 259 ? BYTE : NORMAL;
      scores[i] = types[i] == NORMAL ? 258 - i : 0;
    }
    writer
        .putString("tokenizer.ggml.model", "llama")
        .putString("tokenizer.ggml.pre", "default")
        .putStrings("tokenizer.ggml.tokens", pieces)
        .putFloats("tokenizer.ggml.scores", scores)
        .putInts("tokenizer.ggml.token_type", types)
        .putUint32("tokenizer.ggml.bos_token_id", 1)
        .putUint32("tokenizer.ggml.eos_token_id", 2)
        .putUint32("tokenizer.ggml.unknown_token_id", 0)
        .putBool("tokenizer.ggml.add_bos_token", true)
        .putBool("tokenizer.ggml.add_eos_token", false);
  }

  /// The tokens by id.
  static List<String> pieces(int size) {
    if (size < 259) {
      throw new IllegalArgumentException(
          "a vocabulary has at least 259 tokens: 3 special ones and 256 bytes");
    }
    Set<String> pieces = new LinkedHashSet<>(List.of("<unk>", "<s>", "</s>"));
    for (int i = 0; i < 256; i++) {
      pieces.add(String.format(Locale.ROOT, "<0x%02X>", i));
    }
    addCharacters(pieces);
    addBeginningsOfWords(pieces);
    List<String> longest = letters();
    while (pieces.size() < size) {
      longest = withEachLetter(longest);
      for (String piece : longest) {
        pieces.add(piece);
        pieces.add(SPACE + piece);
        if (pieces.size() >= size) {
          break;
        }
      }
    }
    return new ArrayList<>(pieces).subList(0, size);
  }

  private static void addCharacters(Set<String> pieces) {
    pieces.add(SPACE);
    pieces.addAll(letters());
    for (char c = '!'; c <= '~'; c++) {
      pieces.add(String.valueOf(c));
    }
    letters().forEach(letter -> pieces.add(SPACE + letter));
  }

  private static void addBeginningsOfWords(Set<String> pieces) {
    for (String word : WORDS.split(" ")) {
      for (int length = 1; length <= word.length(); length++) {
        pieces.add(SPACE + word.substring(0, length));
      }
    }
  }

  private static List<String> letters() {
    List<String> letters = new ArrayList<>();
    for (char c = 'a'; c <= 'z'; c++) {
      letters.add(String.valueOf(c));
    }
    return letters;
  }

  private static List<String> withEachLetter(List<String> pieces) {
    List<String> longer = new ArrayList<>();
    for (String piece : pieces) {
      letters().forEach(letter -> longer.add(piece + letter));
    }
    return longer;
  }
}
