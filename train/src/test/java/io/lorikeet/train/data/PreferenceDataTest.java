package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.text.ChatVocabulary;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.ReplaySource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig.TooLong;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Pairs and labels, from the file to the rows. A token is a byte, and there are begin and end
/// tokens.
class PreferenceDataTest {
  private static final String CHATML =
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
          + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
  private static final String PLAIN = "{\"prompt\": \"ask\", \"completion\": \"yes\"}";

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

  private static String pair(String prompt, String chosen, String rejected) {
    return "{\"prompt\": \"%s\", \"chosen\": \"%s\", \"rejected\": \"%s\"}"
        .formatted(prompt, chosen, rejected);
  }

  private static String labelled(String prompt, String completion, Object label) {
    return "{\"prompt\": \"%s\", \"completion\": \"%s\", \"label\": %s}"
        .formatted(prompt, completion, label);
  }

  private TrainingData load(String... lines) throws IOException {
    Files.write(file, List.of(lines));
    DataSettings settings = new DataSettings(options.data(file).resolveData(_ -> 4096), 0);
    return TrainingData.load(settings, TestEncodings.bytes(), events);
  }

  private String refused(String... lines) {
    return assertThrows(InvalidInputException.class, () -> load(lines).close()).getMessage();
  }

  private static String judgements(TrainingData data) {
    return data.training().rows().stream()
        .flatMap(row -> row.examples().stream())
        .map(example -> example.judgement().name())
        .sorted()
        .collect(Collectors.joining(" "));
  }

  @Test
  void pairsAreLearnedByDpo() throws IOException {
    try (TrainingData data = load(pair("ask", "yes", "no"), pair("what", "this", "that one"))) {
      assertEquals(Optional.of(Method.DPO), data.method());
      assertEquals("CHOSEN CHOSEN REJECTED REJECTED", judgements(data));
      assertTrue(data.training().sharedTokens() > 0);
    }
    options.set(Settings.METHOD, Method.ORPO);
    try (TrainingData data = load(pair("ask", "yes", "no"))) {
      assertEquals(Optional.of(Method.ORPO), data.method());
    }
  }

  @Test
  void otherExamplesAreLearnedAsEver() throws IOException {
    try (TrainingData data = load(PLAIN, labelled("ask", "so", "\"a class\""))) {
      assertEquals(Optional.empty(), data.method());
      assertEquals("NONE NONE", judgements(data));
      assertTrue(events.warnings().isEmpty());
    }
    try (TrainingData data = load(PLAIN, labelled("ask", "no", false))) {
      assertEquals(Optional.empty(), data.method());
      assertTrue(events.warnings().getFirst().contains("labels false"));
    }
  }

  @Test
  void labelsAreReadInAllTheirSpellings() throws IOException {
    options.set(Settings.METHOD, Method.KTO);
    try (TrainingData data =
        load(
            labelled("a", "yes", true),
            labelled("b", "no", false),
            labelled("c", "so", "\"True\""))) {
      assertEquals("BAD GOOD GOOD", judgements(data));
    }
    Files.writeString(folder.resolve("t.csv"), "prompt,completion,label\na,yes,true\nb,no,False\n");
    options.data(folder.resolve("t.csv"));
    DataSettings settings = new DataSettings(options.resolveData(_ -> 4096), 0);
    try (TrainingData data = TrainingData.load(settings, TestEncodings.bytes(), events)) {
      assertEquals("BAD GOOD", judgements(data));
    }
    try (TrainingData data = load(pair("ask", "yes", "no"))) { // both answers of a pair
      assertEquals("CHOSEN REJECTED", judgements(data));
    }
  }

  /// Pairs are drawn whole; old data of another kind is refused like new.
  @Test
  void pairsAreReplayed() throws IOException {
    Path old = folder.resolve("old.jsonl");
    Files.write(old, List.of(pair("sky", "blue", "red"), pair("sun", "hot", "wet")));
    options.set(Settings.REPLAY, List.of(new ReplaySource(DataSource.of(old), 0.8)));
    try (TrainingData data = load(pair("ask", "yes", "no"))) { // each old one twice
      assertEquals("CHOSEN ".repeat(5) + "REJECTED ".repeat(5), judgements(data) + " ");
      assertEquals(5, data.training().rows().stream().mapToInt(row -> row.trees().size()).sum());
    }
    Files.writeString(old, PLAIN);
    String mixed = refused(pair("ask", "yes", "no"));
    assertTrue(mixed.startsWith(old + ":1: no pair"), mixed);
  }

  @Test
  void whatDoesNotFitTheMethodIsNamed() {
    String mixed = refused(pair("ask", "yes", "no"), PLAIN, PLAIN);
    assertTrue(mixed.startsWith(file + ":2: no pair"), mixed);
    assertTrue(mixed.contains(file + ":3: no pair"), mixed);
    assertTrue(mixed.contains("2 examples"), mixed);
    options.set(Settings.METHOD, Method.DPO);
    assertTrue(refused(PLAIN, PLAIN).startsWith(file + ":1: no pair"));
    options.set(Settings.METHOD, Method.KTO);
    String unlabelled = refused(labelled("a", "b", true), PLAIN, labelled("a", "b", 3));
    assertTrue(unlabelled.startsWith(file + ":2: no label, true or false"), unlabelled);
    assertTrue(unlabelled.contains(file + ":3: no label"), unlabelled);
    assertTrue(refused(labelled("a", "b", true)).contains("one example is too few"));
  }

  @Test
  void sidesThatAreEqualOrEmptyAreNamed() {
    String equal = refused(pair("ask", "yes", "no"), pair("ask", "yes", "yes"));
    assertTrue(equal.startsWith(file + ":2: a pair whose answers are the same"), equal);
    assertTrue(refused(pair("ask", "yes", "")).contains(":1: 'rejected' is empty"));
    String cut = refused(pair("ask", "y".repeat(40) + "a", "y".repeat(40) + "b"));
    assertTrue(cut.startsWith(file + ":1: a pair whose answers are the same as far as"), cut);
    assertTrue(cut.contains("--context"), cut);
  }

  @Test
  void weightsThatPairsCannotHaveAreNamed() throws IOException {
    String pair =
        "{\"prompt\": [{\"role\": \"user\", \"content\": \"ask\"}],"
            + " \"chosen\": [{\"role\": \"assistant\", \"content\": \"yes\", \"weight\": %s}],"
            + " \"rejected\": [{\"role\": \"assistant\", \"content\": \"no\"}]}";
    Files.write(file, List.of(pair.formatted(1), pair.formatted(0.5)));
    options.set(Settings.CONTEXT, 100);
    DataSettings settings = new DataSettings(options.data(file).resolveData(_ -> 4096), 0);
    Path base = ChatVocabulary.bytePairs(folder.resolve("chats.gguf"), CHATML);
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
      String refused =
          assertThrows(
                  InvalidInputException.class, () -> TrainingData.load(settings, encoding, events))
              .getMessage();
      String expected = ":2: a message of another weight than 0 or 1, which DPO can't learn from";
      assertTrue(refused.startsWith(file + expected), refused);
    }
  }

  @Test
  void settingsThatHaveNoUseAreNamed() throws IOException {
    options.set(Settings.BETA, 0.3);
    assertTrue(refused(PLAIN).startsWith("beta: is of --method"));
    options.set(Settings.GAMMA, 1.0);
    String dpo = refused(pair("ask", "yes", "no"));
    assertEquals("gamma: DPO has no use for it; leave it out", dpo);
    options.set(Settings.GAMMA, null).set(Settings.METHOD, Method.SIMPO);
    options.set(Settings.REFERENCE_ADAPTER, file);
    assertTrue(refused(pair("ask", "yes", "no")).startsWith("reference-adapter: SimPO has no use"));
    options.set(Settings.REFERENCE_ADAPTER, null).set(Settings.TRAIN_ON, TrainOn.ALL);
    assertTrue(refused(pair("ask", "yes", "no")).startsWith("train-on: all"));
  }

  /// Begin, 3 of the prompt, answers, ends: a row has place for both answers and one prompt.
  @Test
  void pairsFitIntoOneRowTogether() throws IOException {
    String fits = pair("ask", "a".repeat(13), "b".repeat(14)); // 3 + 14 + 15 places
    try (TrainingData data = load(fits)) {
      assertEquals(32, data.training().tokens());
      assertTrue(events.warnings().isEmpty());
    }
    String longer = pair("ask", "a".repeat(13), "b".repeat(20));
    try (TrainingData data = load(longer)) { // the longer one loses its end
      assertEquals(32, data.training().tokens());
      assertEquals(14 + 15, data.training().targets());
      assertTrue(events.warnings().getFirst().startsWith("1 example longer than"));
    }
    options.set(Settings.TOO_LONG, TooLong.CUT_LEFT);
    try (TrainingData data = load(pair("ask what", "a".repeat(13), "b".repeat(14)))) {
      assertEquals(32, data.training().tokens());
      assertEquals(14 + 15, data.training().targets());
    }
    options.set(Settings.TOO_LONG, TooLong.DROP);
    try (TrainingData data = load(fits, longer)) {
      assertEquals(2, data.training().examples());
    }
    options.set(Settings.TOO_LONG, TooLong.SPLIT);
    assertTrue(refused(longer).contains(":1: a pair that takes"));
    options.set(Settings.TOO_LONG, TooLong.CUT).set(Settings.PACKING, false);
    try (TrainingData data = load(fits)) { // with the prompt before each
      assertEquals(32, data.training().tokens());
      assertEquals(0, data.training().sharedTokens());
    }
    options.set(Settings.PACKING, null);
    assertTrue(refused(pair("p".repeat(40), "a", "b")).contains("none of the 1 examples fits"));
  }

  /// Both answers are trained on, or both are measured.
  @Test
  void pairsStayTogether() throws IOException {
    String[] lines = new String[20];
    for (int i = 0; i < lines.length; i++) {
      lines[i] = pair("ask " + i, "yes " + i, "no " + i);
    }
    options.validation(0.3);
    for (boolean packing : new boolean[] {true, false}) {
      options.set(Settings.PACKING, packing);
      try (TrainingData data = load(lines)) {
        for (DataSet set : List.of(data.training(), data.validation().orElseThrow())) {
          for (PackedRow row : set.rows()) {
            for (int i = 0; i < row.examples().size(); i += 2) {
              assertEquals(row.examples().get(i).line(), row.examples().get(i + 1).line());
              assertEquals(set.example(row.numbers().get(i)).line(), row.examples().get(i).line());
            }
          }
        }
      }
    }
  }
}
