package io.lorikeet.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(LeakCheck.class)
class LlamaVocabularyTest {
  @TempDir Path folder;

  @Test
  void textComesBackFromItsTokens() throws IOException {
    try (LlamaModel model = tinyModel()) {
      LlamaVocabulary vocabulary = model.vocabulary();
      for (int seed = 0; seed < 200; seed++) {
        String text = randomText(new SplittableRandom(seed));
        int[] tokens = vocabulary.tokenize(text, false, false);
        assertEquals(text, vocabulary.detokenize(tokens, false, false), "seed " + seed);
        assertTrue(Arrays.stream(tokens).allMatch(token -> token >= 0 && token < 400));
      }
    }
  }

  @Test
  void piecesOfTokensMakeUpTheText() throws IOException {
    try (LlamaModel model = tinyModel()) {
      LlamaVocabulary vocabulary = model.vocabulary();
      byte[] text = " the \u65e5\0\ud83d\ude42".getBytes(StandardCharsets.UTF_8);
      byte[] pieces = new byte[text.length + 1]; // and the space that the vocabulary puts before
      int length = 0;
      for (int token :
          vocabulary.tokenize(new String(text, StandardCharsets.UTF_8), false, false)) {
        byte[] piece = vocabulary.piece(token, false);
        System.arraycopy(piece, 0, pieces, length, piece.length);
        length += piece.length;
      }
      assertArrayEquals(text, Arrays.copyOfRange(pieces, 1, length));
    }
  }

  @Test
  void specialTokensAreAddedAndReadOnRequestOnly() throws IOException {
    try (LlamaModel model = tinyModel()) {
      LlamaVocabulary vocabulary = model.vocabulary();
      assertEquals(OptionalInt.of(1), vocabulary.bos());
      assertEquals(OptionalInt.of(2), vocabulary.eos());
      assertEquals(OptionalInt.empty(), vocabulary.eot());
      assertTrue(vocabulary.addsBos());
      assertFalse(vocabulary.addsEos());
      assertTrue(vocabulary.isEndOfGeneration(2));
      assertFalse(vocabulary.isEndOfGeneration(1));
      assertEquals("</s>", vocabulary.tokenText(2));
      int[] plain = vocabulary.tokenize("the", false, true);
      assertArrayEquals(
          IntStream.concat(IntStream.of(1), Arrays.stream(plain)).toArray(),
          vocabulary.tokenize("the", true, true));
      assertArrayEquals(
          IntStream.concat(Arrays.stream(plain), IntStream.of(2)).toArray(),
          vocabulary.tokenize("the</s>", false, true));
      assertTrue(
          Arrays.stream(vocabulary.tokenize("the</s>", false, false)).noneMatch(t -> t == 2));
      assertArrayEquals(new int[] {1}, vocabulary.tokenize("", true, true));
      assertArrayEquals(new int[0], vocabulary.tokenize("", false, true));
      assertEquals("", vocabulary.detokenize(new int[] {2}, false, false));
      assertEquals("</s>", vocabulary.detokenize(new int[] {2}, false, true));
      assertEquals(0, vocabulary.piece(2, false).length);
    }
  }

  @Test
  void threadsCanShareIt() throws IOException {
    try (LlamaModel model = tinyModel()) {
      List<String> texts =
          IntStream.range(0, 100).mapToObj(seed -> randomText(new SplittableRandom(seed))).toList();
      List<List<Integer>> alone = texts.stream().map(text -> tokens(model, text)).toList();
      assertEquals(alone, texts.parallelStream().map(text -> tokens(model, text)).toList());
    }
  }

  private static List<Integer> tokens(LlamaModel model, String text) {
    return Arrays.stream(model.vocabulary().tokenize(text, true, true)).boxed().toList();
  }

  /// libllama would end the process at the first such character.
  @Test
  void whatCannotBeSpelledBecomesUnknown() throws IOException {
    // ids:                                  3         4    5    6    7          8     9
    NativeGguf file = VocabularyFile.sentencePiece("\u2581", "a", "b", "|", "\u2581a", "ab", "aa");
    try (LlamaModel model = vocabularyOnly(file)) {
      LlamaVocabulary vocabulary = model.vocabulary();
      assertArrayEquals(new int[] {1, 7, 5}, vocabulary.tokenize("ab", true, true));
      assertArrayEquals(new int[] {1, 7, 0, 5}, vocabulary.tokenize("a=b", true, true));
      assertArrayEquals(
          new int[] {1, 7, 0, 8, 0}, vocabulary.tokenize("a\u65e5\ud83d\ude42ab(", true, true));
      assertArrayEquals(new int[] {3, 0, 9}, vocabulary.tokenize("=aa", false, false));
      assertArrayEquals(new int[] {7, 0, 7, 5}, vocabulary.tokenize("a= ab", false, false));
      assertArrayEquals(new int[] {7, 2, 0, 5}, vocabulary.tokenize("a</s>=b", false, true));
      assertEquals("a<unk>b", vocabulary.detokenize(new int[] {7, 0, 5}, false, true));
    }
  }

  /// libllama would end the process where such a token's text, as Java reads it, stands in a text.
  @Test
  void textsOfTokensHaveToBeUtf8() throws IOException {
    NativeGguf file = VocabularyFile.sentencePiece("\u2581", "a", "|", "?");
    try (LlamaModel model = damaged(file, "<unk>", 3)) {
      UnusableModelException refused =
          assertThrows(
              UnusableModelException.class,
              () -> model.vocabulary().tokenize("a<un\ufffd>", false, true));
      assertTrue(refused.getMessage().contains("texts of tokens [0] aren't UTF-8"));
    }
    try (LlamaModel model = damaged(file, "?", 0)) {
      assertArrayEquals(
          new int[] {3, 4, 0, 4}, model.vocabulary().tokenize("a\ufffda", false, true));
    }
  }

  /// A vocabulary of which a byte of a token is no longer UTF-8.
  private LlamaModel damaged(NativeGguf file, String token, int at) throws IOException {
    Path path = file.write(folder.resolve("damaged.gguf"));
    String bytes = Files.readString(path, StandardCharsets.ISO_8859_1);
    int place = bytes.indexOf(token) + at;
    String damaged = bytes.substring(0, place) + '\u008c' + bytes.substring(place + 1);
    Files.writeString(path, damaged, StandardCharsets.ISO_8859_1);
    return LlamaModel.load(path, LlamaModel.Options.VOCABULARY);
  }

  @Test
  void aTextNeedsItsSpace() throws IOException {
    try (LlamaModel model = vocabularyOnly(VocabularyFile.sentencePiece("a", "b"))) {
      LlamaVocabulary vocabulary = model.vocabulary();
      assertThrows(UnusableModelException.class, () -> vocabulary.tokenize("ab", true, true));
    }
    NativeGguf without =
        VocabularyFile.sentencePiece("a", "b").putBool("tokenizer.ggml.add_space_prefix", false);
    try (LlamaModel model = vocabularyOnly(without)) {
      assertArrayEquals(new int[] {1, 3, 4, 0}, model.vocabulary().tokenize("ab ", true, true));
    }
  }

  /// libllama's regular expressions recur for each character and would overflow the stack.
  @Test
  void wordsCanBeLong() throws IOException {
    for (String preTokenizer : List.of("deepseek-llm", "falcon", "exaone-moe")) {
      try (LlamaModel model = vocabularyOnly(VocabularyFile.bytePair(preTokenizer))) {
        LlamaVocabulary vocabulary = model.vocabulary();
        assertEquals(10_000, vocabulary.tokenize("a".repeat(20_000), false, false).length);
        assertEquals(20_000, vocabulary.tokenize("b ".repeat(10_000), false, false).length);
      }
    }
  }

  @Test
  void aVocabularyThatWantsTokensItLacksIsRefused() throws IOException {
    NativeGguf file =
        new NativeGguf()
            .putString("general.architecture", "llama")
            .putString("tokenizer.ggml.model", "gpt2")
            .putString("tokenizer.ggml.pre", "gpt-2")
            .putStrings("tokenizer.ggml.tokens", List.of("a", "b"))
            .putStrings("tokenizer.ggml.merges", List.of("a b"))
            .putBool("tokenizer.ggml.add_bos_token", true);
    try (LlamaModel model = vocabularyOnly(file)) {
      LlamaVocabulary vocabulary = model.vocabulary();
      assertEquals(OptionalInt.empty(), vocabulary.bos());
      assertThrows(UnusableModelException.class, () -> vocabulary.tokenize("ab", true, true));
      assertArrayEquals(new int[] {0, 1}, vocabulary.tokenize("ab", false, true));
    }
  }

  @Test
  void tokensOutsideAreRefused() throws IOException {
    try (LlamaModel model = tinyModel()) {
      LlamaVocabulary vocabulary = model.vocabulary();
      for (int token : new int[] {-1, 400, Integer.MAX_VALUE}) {
        assertThrows(IllegalArgumentException.class, () -> vocabulary.piece(token, true));
        assertThrows(IllegalArgumentException.class, () -> vocabulary.tokenText(token));
        assertThrows(IllegalArgumentException.class, () -> vocabulary.isEndOfGeneration(token));
        assertThrows(
            IllegalArgumentException.class,
            () -> vocabulary.detokenize(new int[] {5, token}, false, false));
      }
    }
  }

  @Test
  void itEndsWithItsModel() throws IOException {
    LlamaModel model = tinyModel();
    LlamaVocabulary vocabulary = model.vocabulary();
    model.close();
    model.close();
    assertThrows(IllegalStateException.class, () -> vocabulary.tokenize("a", true, true));
    assertThrows(IllegalStateException.class, vocabulary::bos);
  }

  private LlamaModel tinyModel() throws IOException {
    Path file = TinyModel.write(folder.resolve("model.gguf"));
    return LlamaModel.load(file, LlamaModel.Options.VOCABULARY);
  }

  private LlamaModel vocabularyOnly(NativeGguf file) throws IOException {
    Path path = file.write(folder.resolve("vocabulary.gguf"));
    return LlamaModel.load(path, LlamaModel.Options.VOCABULARY);
  }

  /// Words, spaces and characters of one to four bytes.
  private static String randomText(SplittableRandom random) {
    int[] codePoints =
        random
            .ints(random.nextInt(1, 60), 0, 8)
            .map(
                kind ->
                    switch (kind) {
                      case 0 -> ' ';
                      case 1 -> random.nextInt(0, 0x80);
                      case 2 -> random.nextInt(0x80, 0x800);
                      case 3 -> random.nextInt(0x800, 0xd800);
                      case 4 -> random.nextInt(0x10000, 0x110000);
                      default -> random.nextInt('a', 'z' + 1);
                    })
            // A character that libllama writes a space for.
            .filter(codePoint -> codePoint != 0x2581)
            .toArray();
    return new String(codePoints, 0, codePoints.length);
  }
}
