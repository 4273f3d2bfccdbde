package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.ReplaySource;
import io.lorikeet.train.settings.SampleSource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Queries and passages, from the file to the rows. A token is a byte, and there are begin and end
/// tokens.
class RetrievalDataTest {
  private static final String PAIR = "{\"anchor\": \"who\", \"positive\": \"me\"}";

  @TempDir private Path folder;
  private Path file;
  private TrainingOptions options;
  private final Events events = new Events();

  @BeforeEach
  void begin() throws IOException {
    file = folder.resolve("data.jsonl");
    options =
        new TrainingOptions()
            .model(Files.writeString(folder.resolve("base.gguf"), ""))
            .set(Settings.CONTEXT, 32);
  }

  private TrainingData load(String... lines) throws IOException {
    Files.write(file, List.of(lines));
    DataSettings settings = new DataSettings(options.data(file).resolveData(_ -> 4096), 0);
    return TrainingData.load(settings, TestEncodings.bytes(), events);
  }

  private String refused(String... lines) {
    return assertThrows(InvalidInputException.class, () -> load(lines).close()).getMessage();
  }

  /// `QUERY who`, without the tokens around a text; of all rows, a line each.
  private static String texts(TrainingData data) {
    return data.training().rows().stream()
        .map(
            row ->
                row.examples().stream()
                    .map(example -> example.judgement() + " " + text(example))
                    .collect(Collectors.joining(", ")))
        .collect(Collectors.joining("\n"));
  }

  private static String text(TokenizedExample example) {
    byte[] bytes = new byte[example.places() - 1];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) example.tokens()[i + 1];
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void eachLineIsARow(boolean packing) throws IOException {
    options.set(Settings.PACKING, packing);
    String several =
        "{\"anchor\": \"why\", \"positive\": [\"so\", \"thus\"], \"negative\": \"no\","
            + " \"negatives\": [\"never\"]}";
    String flag = "{\"query\": \"where\", \"pos\": [\"here\"], \"neg\": [\"up\", \"down\"]}";
    try (TrainingData data = load(PAIR, several, flag, PAIR)) {
      assertEquals(Optional.of(Method.CONTRASTIVE), data.method());
      assertEquals(
          """
          QUERY who, PASSAGE me
          QUERY why, PASSAGE so, PASSAGE thus, NEGATIVE no, NEGATIVE never
          QUERY where, PASSAGE here, NEGATIVE up, NEGATIVE down
          QUERY who, PASSAGE me""",
          texts(data));
      assertEquals(0, data.training().sharedTokens());
      assertFalse(data.training().hasNegatives());
    }
    assertTrue(events.notes().stream().anyMatch(note -> note.contains("--method contrastive")));
    try (TrainingData data = load(several, flag)) {
      assertTrue(data.training().hasNegatives());
    }
  }

  /// Each old query twice, with its passage; old data of another kind is refused like new.
  @Test
  void pairsAreReplayed() throws IOException {
    Path old = folder.resolve("old.jsonl");
    Files.writeString(old, "{\"anchor\": \"why\", \"positive\": \"so\"}");
    options.set(Settings.REPLAY, List.of(new ReplaySource(DataSource.of(old), 0.5)));
    try (TrainingData data = load(PAIR, "{\"anchor\": \"a\", \"positive\": \"b\"}")) {
      assertEquals(
          """
          QUERY who, PASSAGE me
          QUERY a, PASSAGE b
          QUERY why, PASSAGE so
          QUERY why, PASSAGE so""",
          texts(data));
    }
    Files.writeString(old, "{\"prompt\": \"why\", \"completion\": \"so\"}");
    String mixed = refused(PAIR);
    assertTrue(mixed.startsWith(old + ":1: no query with a passage"), mixed);
  }

  /// Each text begins at position 0 and sees itself only; its loss stands at its last token.
  @Test
  void textsOfARowAreApart() throws IOException {
    try (TrainingData data = load("{\"anchor\": \"ab\", \"positive\": \"abc\"}")) {
      MicroBatch batch = data.training().batches(1).getFirst();
      int[] positions = batch.tokens().positions();
      assertArrayEquals(new int[] {0, 1, 2, 0, 1, 2, 3}, Arrays.copyOf(positions, 7));
      int[] seenUntil = batch.tokens().seenUntil();
      assertArrayEquals(new int[] {2, 2, 2, 6, 6, 6, 6}, Arrays.copyOf(seenUntil, 7));
      float[] weights = batch.tokens().targetWeights();
      assertArrayEquals(new float[] {0, 0, 1, 0, 0, 0, 1}, Arrays.copyOf(weights, 7));
    }
  }

  /// The tokens of llama.cpp's programs for a text to embed, with an end token where the vocabulary
  /// wants one.
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void tokensAreThoseOfLlamaCpp(boolean end) throws IOException {
    Path base =
        RandomModel.of(TensorType.F32)
            .put("tokenizer.ggml.add_eos_token", new GgufValue.Bool(end))
            .write(folder.resolve("m.gguf"));
    Files.write(file, List.of(PAIR));
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      DataSettings settings = new DataSettings(options.data(file).resolveData(_ -> 4096), 0);
      TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
      try (TrainingData data = TrainingData.load(settings, encoding, events)) {
        int[] tokens = data.training().example(0).tokens();
        int[] expected = tokenizer.encode("who", true, false);
        assertEquals(end, expected[expected.length - 1] == tokenizer.end().orElseThrow());
        assertArrayEquals(expected, Arrays.copyOf(tokens, tokens.length - 1));
      }
    }
  }

  @Test
  void theLongestTextsAreCut() throws IOException {
    String line =
        "{\"anchor\": \"0123456789abcdefghij\", \"positive\": \"xyz\", \"negative\": \"ABCDEFGHIJKLMNOP\"}";
    try (TrainingData data = load(line)) {
      // 32 places: 3 begin tokens, 3 for the passage, 13 for each of the others.
      assertEquals("QUERY 0123456789abc, PASSAGE xyz, NEGATIVE ABCDEFGHIJKLM", texts(data));
      assertEquals(32, data.training().tokens());
    }
    assertTrue(
        events.warnings().stream().anyMatch(text -> text.contains("cut")),
        events.warnings()::toString);
    options.set(Settings.TOO_LONG, TooLong.DROP);
    try (TrainingData data = load(line, PAIR)) {
      assertEquals("QUERY who, PASSAGE me", texts(data));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'anchor': '', 'positive': 'me'} | 'anchor' is empty",
        "{'anchor': 'who', 'positive': ' '} | 'positive' is empty",
        "{'anchor': 'who', 'positive': []} | 'positive' is empty",
        "{'anchor': 'who', 'positive': ['me', '']} | 'positive'[1] is empty",
        "{'anchor': 'who', 'positive': ['me', 3]} | 'positive'[1] must be a string, found a number",
        "{'anchor': 'who', 'positive': {}} | 'positive' must be a string, found an object",
        "{'anchor': 'who'} | 'positive' is missing",
        "{'anchor': null, 'positive': 'me'} | 'anchor' is null",
        "{'query': 'who', 'neg': ['x']} | 'pos' is missing",
        "{'query': 'who', 'pos': ['me'], 'neg': [null]} | 'neg'[0] must be a string, found null",
        "{'anchor': 'me', 'positive': 'me'} | a query and a passage that are the same",
        "{'anchor': 'a', 'positive': 'b', 'negatives': ['c', 'b']} | a passage and a negative that are the same",
        "{'anchor': '0123456789abcdefghijQ', 'positive': '0123456789abcdefghijP'} | as far as they fit into the context of 32 tokens",
      })
  void badLinesAreNamed(String line, String problem) {
    String message = refused(PAIR, line.replace('\'', '"'));
    assertTrue(message.contains(file + ":2: "), message);
    assertTrue(message.contains(problem), message);
  }

  @Test
  void methodAndDataHaveToFit() throws IOException {
    options.set(Settings.METHOD, Method.CONTRASTIVE);
    String plain = "{\"prompt\": \"ask\", \"completion\": \"yes\"}";
    String message = refused(PAIR, plain);
    assertTrue(message.contains(file + ":2: no query with a passage"), message);
    options.set(Settings.METHOD, null);
    assertTrue(refused(PAIR, plain).contains(file + ":2: no query with a passage"));
    for (Method other : List.of(Method.DPO, Method.KTO)) {
      options.set(Settings.METHOD, other);
      assertTrue(refused(PAIR).contains(file + ":1: no "), other.name());
    }
    options
        .set(Settings.METHOD, null)
        .set(Settings.COLUMNS, Map.of("anchor", "prompt", "positive", "completion"));
    try (TrainingData data = load(plain)) {
      assertEquals("QUERY ask, PASSAGE yes", texts(data));
    }
  }

  @Test
  void queriesHaveAPrefix() throws IOException {
    options.set(Settings.QUERY_PREFIX, "Q:");
    try (TrainingData data = load(PAIR)) {
      assertEquals("QUERY Q:who, PASSAGE me", texts(data));
    }
    options.set(Settings.METHOD, Method.DPO);
    assertTrue(refused(PAIR).contains("query-prefix: DPO has no use for it"));
  }

  @Test
  void settingsOfAnswersAreRefused() {
    options.set(Settings.TOO_LONG, TooLong.SPLIT).set(Settings.TARGET, List.of("output"));
    String message = refused(PAIR);
    assertTrue(message.contains("too-long: texts to embed are cut or dropped"), message);
    assertTrue(message.contains("target: embeddings are made without the head"), message);
    options
        .set(Settings.METHOD, Method.CONTRASTIVE)
        .set(Settings.INVOCATION, "now")
        .set(Settings.BETA, 0.2)
        .set(Settings.SAMPLE, List.of(SampleSource.parse("hello")));
    assertEquals(
        5,
        assertThrows(InvalidInputException.class, () -> options.resolveData(_ -> 4096))
            .getMessage()
            .lines()
            .count());
  }

  /// Lines stay whole when some are taken out for measuring.
  @Test
  void linesAreDividedAsAWhole() throws IOException {
    String[] lines = new String[20];
    for (int i = 0; i < lines.length; i++) {
      lines[i] = "{\"anchor\": \"q%s\", \"positive\": [\"p%s\", \"s%s\"]}".formatted(i, i, i);
    }
    options.validation(0.25);
    try (TrainingData data = load(lines)) {
      assertEquals(15, data.training().rows().size());
      assertEquals(5, data.validation().orElseThrow().rows().size());
      assertEquals(15, data.validation().orElseThrow().examples());
    }
  }
}
