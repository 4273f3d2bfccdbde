package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Training that is held to its base on neutral texts.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class KeepBaseTest {
  private static final int STEPS = 8;

  @TempDir private static Path files;
  private static Path base;
  private static Path data;
  private static Path neutral;

  @TempDir private Path folder;
  private final Events events = new Events();

  @BeforeAll
  static void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    data = TinyRun.data(files.resolve("data.jsonl"), 24, 1);
    neutral =
        Files.writeString(
            files.resolve("neutral.jsonl"),
            """
            {"text": "the quick brown fox jumps over the lazy dog"}
            {"text": "it was a bright cold day in april"}
            {"text": "all happy families are alike"}
            """);
  }

  private TrainingOptions options(String name, double weight) {
    return TinyRun.options(base, data, folder.resolve(name + ".gguf"))
        .set(Settings.STEPS, STEPS)
        .set(Settings.NEUTRAL, neutral)
        .set(Settings.KEEP_BASE, weight)
        .set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2));
  }

  /// Divergence after each step's update but the last.
  private static List<Double> divergences(Events events) {
    return events.steps().stream().map(done -> done.divergence().orElseThrow()).toList();
  }

  @Test
  void aLargerWeightKeepsTheModelCloserToItsBase() throws IOException {
    Events loose = new Events();
    new Trainer(options("loose", 1e-3).resolve(), loose).run();
    new Trainer(options("close", 100).resolve(), events).run();
    List<Double> close = divergences(events);
    assertEquals(0.0, close.getFirst()); // a new adapter changes nothing
    double far = divergences(loose).getLast();
    assertTrue(far > 0 && close.getLast() < far / 4, close.getLast() + " after " + far);
    String metrics = Files.readString(folder.resolve("close-run").resolve(RunFiles.METRICS));
    assertTrue(metrics.contains("\"base_divergence\":"), metrics);
  }

  /// Dropout draws the same masks as without neutral texts, and a resumed run takes the same turns.
  @Test
  void aKilledRunEndsAsIfItHadNotBeen() throws IOException {
    TrainingConfig whole = options("whole", 1).set(Settings.DROPOUT, 0.2).resolve();
    LoraAdapter expected = new Trainer(whole, events).run().adapter();
    Events after = new Events();
    TrainingConfig killed = options("killed", 1).set(Settings.DROPOUT, 0.2).resolve();
    Trainer dying = new Trainer(killed, Killed.after(5));
    assertThrows(Killed.class, dying::run);
    Path run = killed.get(Settings.RUN);
    LoraAdapter resumed =
        new Trainer(ResumedRun.config(run, new TrainingOptions(), after), after).resume().adapter();
    for (int i = 0; i < expected.pairs().size(); i++) {
      assertArrayEquals(expected.pairs().get(i).a(), resumed.pairs().get(i).a());
      assertArrayEquals(expected.pairs().get(i).b(), resumed.pairs().get(i).b());
    }
    List<Double> both = divergences(events);
    assertEquals(
        both.subList(both.size() - divergences(after).size(), both.size()), divergences(after));
  }

  @Test
  void otherNeutralTextsAreNotTheSameRun() throws IOException {
    Path own = Files.copy(neutral, folder.resolve("own.jsonl"));
    TrainingConfig config = options("own", 1).set(Settings.NEUTRAL, own).resolve();
    new Trainer(config, events).run();
    Files.writeString(own, "{\"text\": \"something else\"}\n");
    Path run = config.get(Settings.RUN);
    TrainingConfig again = ResumedRun.config(run, new TrainingOptions(), events);
    InvalidInputException problem =
        assertThrows(InvalidInputException.class, () -> new Trainer(again, events).resume());
    assertTrue(problem.getMessage().contains("own.jsonl"), problem.getMessage());
  }

  @Test
  void theBaseWritesTheTextsWhereNoneAreGiven() throws IOException {
    TrainingConfig config =
        options("own", 1).set(Settings.NEUTRAL, null).set(Settings.STEPS, 2).resolve();
    new Trainer(config, events).run();
    String kept = Files.readString(config.get(Settings.RUN).resolve(RunFiles.NEUTRAL));
    assertTrue(kept.contains("base_sha256"), kept);
    assertTrue(divergences(events).getLast() > 0);
  }

  @Test
  void moreTextsThanAreUsedAreTold() throws IOException {
    Path many =
        Files.writeString(
            folder.resolve("many.jsonl"),
            "{\"text\": \"over and over and over again\"}\n".repeat(1600));
    TrainingOptions two = options("many", 1).set(Settings.NEUTRAL, many).set(Settings.STEPS, 2);
    new Trainer(two.resolve(), events).run();
    assertTrue(
        events.notes().stream().anyMatch(note -> note.startsWith("neutral texts: the first ")),
        events.notes().toString());
  }

  /// Each answer is a text: a row that was made for one may be too short for both of a pair.
  @Test
  void pairsAreTextsLikeOthers() throws IOException {
    Path pairs =
        Files.writeString(
            folder.resolve("pairs.jsonl"),
            "{\"prompt\": \"say it now and here\", \"chosen\": \" yes\", \"rejected\": \" no\"}\n");
    TrainingOptions options = options("pairs", 1).set(Settings.NEUTRAL, pairs);
    new Trainer(options.set(Settings.BATCH_SIZE, 4).set(Settings.STEPS, 2).resolve(), events).run();
    assertTrue(divergences(events).getLast() > 0, divergences(events).toString());
  }

  @Test
  void neutralTextsWithoutAWeightAreRefused() {
    TrainingOptions options = options("no", 1).set(Settings.KEEP_BASE, null);
    InvalidInputException problem = assertThrows(InvalidInputException.class, options::resolve);
    assertTrue(problem.getMessage().contains("--keep-base"), problem.getMessage());
  }
}
