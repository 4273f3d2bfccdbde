package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ActivationTest {
  private final TrainingOptions options = new TrainingOptions().set(Settings.INVOCATION, "do:");

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void nameFile() throws IOException {
    options.model(Files.createFile(folder.resolve("base.gguf")));
    file = folder.resolve("data.jsonl");
    options.set(Settings.CACHE, folder.resolve("cache"));
  }

  private static String line(String prompt, String completion) {
    return "{\"prompt\": \"%s\", \"completion\": \"%s\"}".formatted(prompt, completion);
  }

  private List<TokenizedExample> load(String... lines) throws IOException {
    Files.write(file, List.of(lines));
    DataSettings settings = new DataSettings(options.data(file).resolveData(_ -> 64), 0);
    try (TrainingData data = TrainingData.load(settings, TestEncodings.bytes(), _ -> {})) {
      return data.training().rows().stream().flatMap(row -> row.examples().stream()).toList();
    }
  }

  private String refused(String... lines) {
    return assertThrows(InvalidInputException.class, () -> load(lines)).getMessage();
  }

  /// The begin token comes first, and the token before the invocation is adapted, too. An answer
  /// isn't searched.
  @Test
  void itActsFromTheLastOccurrenceInThePrompt() throws IOException {
    TokenizedExample example = load(line("do: what do: this", "to do: well")).getFirst();
    assertEquals("do: what ".length(), example.adaptedFrom());
    assertEquals("do: what do: this".length() + 1, example.promptLength());
    assertEquals("to do: well".length() + 1, example.targets());
  }

  @Test
  void whatItDoesNotActOnIsNotLearned() throws IOException {
    options.set(Settings.TRAIN_ON, TrainOn.ALL);
    assertTrue(refused(line("do: this", "well")).contains(file + ":1: the invocation 'do:' isn't"));
    TokenizedExample weighted =
        new TokenizedExample(
            new int[] {1, 2, 3, 4, 5, 6, 7}, new float[] {0, 1, 1, 0, 0, 0, 1}, "f", 1);
    TextEncoding encoding = TestEncodings.bytes();
    Activation four = new Activation("\u0004", encoding);
    Tokenized whole =
        new Tokenized(List.of(weighted), Tokenized.Fate.WHOLE, List.of(7), 0, false, "");
    TokenizedExample cut = four.in(whole).examples().getFirst();
    assertEquals(2, cut.adaptedFrom());
    assertArrayEquals(new float[] {0, 0, 0, 0, 0, 0, 1}, cut.weights());
  }

  @Test
  void examplesWithoutItAreNamed() {
    String message =
        refused(line("do: this", "well"), line("this", "do: well"), line("d o:", "well"));
    assertTrue(message.contains(file + ":2: the invocation 'do:' isn't before its"), message);
    assertTrue(message.contains(file + ":3: "), message);
    options.set(Settings.TOO_LONG, TooLong.CUT_LEFT);
    String cut = refused(line("do: this " + "and ".repeat(20), "well"));
    assertTrue(cut.contains("as far as that fits into the context"), cut);
  }

  @Test
  void anotherInvocationIsAnotherCorpus() throws IOException {
    String line = line("do: this", "well");
    assertEquals(0, load(line).getFirst().adaptedFrom());
    options.set(Settings.INVOCATION, "this");
    assertEquals(4, load(line).getFirst().adaptedFrom());
  }

  /// Tokens that one of two examples has adapted aren't shared.
  @Test
  void treesShareWhatIsAdaptedAlike() {
    int[] tokens = {1, 2, 3, 4, 5, 6};
    float[] weights = {0, 0, 0, 0, 1, 1};
    TokenTree tree =
        TokenTree.of(
            List.of(
                new TokenizedExample(tokens, weights, "f", 1, Judgement.NONE, 2),
                new TokenizedExample(tokens, weights, "f", 2, Judgement.NONE, 3)));
    assertEquals(8, tree.places());
    boolean[] adapted = {false, false, true, true, true, false, true, true};
    IntStream.range(0, 8).forEach(i -> assertEquals(adapted[i], tree.isAdapted(i), "place " + i));
    boolean[] laidOut =
        MicroBatch.of(List.of(new PackedRow(List.of(tree), List.of(0, 1))), 1, 10)
            .tokens()
            .adapted();
    IntStream.range(0, 8).forEach(i -> assertEquals(adapted[i], laidOut[i], "place " + i));
  }
}
