package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.run.ResumedRun;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Runs that were cut off and went on end as if nothing had happened.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class ResumeTest {
  private static final int STEPS = 9;

  @TempDir private static Path files;
  private static Path base;
  private static Path data;

  @TempDir private Path folder;
  private final Events events = new Events();

  @BeforeAll
  static void writeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    data = TinyRun.data(files.resolve("data.jsonl"), 24, 1);
  }

  /// Dropout, packing, accumulation, several epochs, validations: everything that has a state.
  private TrainingOptions options(String name) {
    return TinyRun.options(base, data, folder.resolve(name + ".gguf"))
        .set(Settings.STEPS, STEPS)
        .set(Settings.DROPOUT, 0.2)
        .validation(0.2)
        .set(Settings.EVALUATE_EVERY, 3)
        .set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2));
  }

  @Test
  void aKilledRunEndsAsIfItHadNotBeen() throws IOException {
    TrainingResult whole = new Trainer(options("whole").resolve(), events).run();
    Path run = killedAfter(5);
    TrainingResult resumed = resume(run, new TrainingOptions());
    assertSame(whole.adapter(), resumed.adapter());
    assertSame(whole.best().orElseThrow().adapter(), resumed.best().orElseThrow().adapter());
    assertEquals(whole.best().orElseThrow().step(), resumed.best().orElseThrow().step());
    assertEquals(whole.finalLoss(), resumed.finalLoss());
    assertEquals(whole.tokens(), resumed.tokens());
    assertEquals(whole.validationBefore(), resumed.validationBefore());
    assertEquals(whole.validationAfter(), resumed.validationAfter());
    assertEquals(numbers(whole.config().get(Settings.RUN)), numbers(run));
    assertEquals(whole.config().settingsOfAdapter(), resumed.config().settingsOfAdapter());
  }

  /// Rows of several lengths, in batches by length.
  @Test
  void anUnpackedRunGoesOnAsWell() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 30; i++) {
      String said = "a b ".repeat(1 + i % 10 * 4);
      lines.append("{\"prompt\": \"%s%d\", \"completion\": \" so\"}\n".formatted(said, i));
    }
    Path varied = Files.writeString(folder.resolve("varied.jsonl"), lines);
    TrainingOptions unpacked =
        options("unpacked")
            .data(varied)
            .set(Settings.CONTEXT, 256)
            .set(Settings.PACKING, false)
            .set(Settings.BATCH_SIZE, 2);
    TrainingResult whole = new Trainer(unpacked.resolve(), events).run();
    assertTrue(events.notes().stream().anyMatch(note -> note.contains("rows of up to 256")));
    TrainingConfig config = unpacked.set(Settings.RUN, folder.resolve("killed-run")).resolve();
    assertThrows(Killed.class, () -> new Trainer(config, Killed.after(5)).run());
    assertSame(whole.adapter(), resume(config.get(Settings.RUN), new TrainingOptions()).adapter());
  }

  @Test
  void aRunKilledBeforeItsFirstCheckpointBeginsAgain() throws IOException {
    TrainingResult whole = new Trainer(options("whole").resolve(), events).run();
    Path run = killedAfter(1);
    assertSame(whole.adapter(), resume(run, new TrainingOptions()).adapter());
    assertEquals(numbers(whole.config().get(Settings.RUN)), numbers(run));
  }

  @Test
  void aFinishedRunCanBeAskedForItsAdapterAgainAndForMoreSteps() throws IOException {
    TrainingOptions constant =
        options("whole")
            .set(Settings.SCHEDULE, TrainingConfig.Schedule.CONSTANT)
            .set(Settings.WARMUP, 0.0);
    TrainingResult nine = new Trainer(constant.resolve(), events).run();
    assertSame(
        nine.adapter(), resume(nine.config().get(Settings.RUN), new TrainingOptions()).adapter());
    TrainingResult more =
        resume(nine.config().get(Settings.RUN), new TrainingOptions().set(Settings.STEPS, 12));
    TrainingResult twelve =
        new Trainer(constant.set(Settings.STEPS, 12).set(Settings.RUN, null).resolve(), events)
            .run();
    assertSame(twelve.adapter(), more.adapter());
    assertEquals(
        "steps: 4 is less than the 12 steps that the run has done",
        refused(nine.config().get(Settings.RUN), new TrainingOptions().set(Settings.STEPS, 4)));
  }

  @Test
  void oneThatIsAskedToStopGoesOnAsWell() throws IOException {
    TrainingResult whole = new Trainer(options("whole").resolve(), events).run();
    TrainingConfig config = options("asked").resolve();
    StopRequest stop = new StopRequest();
    TrainingListener asking =
        event -> {
          if (event instanceof TrainingEvent.StepDone done && done.step() == 3) {
            stop.make(); // before the validation after step 3
          }
        };
    Trainer trainer = new Trainer(config, asking).stopOn(stop);
    String message = assertThrows(StoppedException.class, trainer::run).getMessage();
    assertEquals(
        "stopped after step 3 of 9. Its state is kept; go on with: lorikeet train --resume "
            + config.get(Settings.RUN),
        message);
    assertSame(whole.adapter(), resume(config.get(Settings.RUN), new TrainingOptions()).adapter());
    assertEquals(numbers(whole.config().get(Settings.RUN)), numbers(config.get(Settings.RUN)));
  }

  @Test
  void itsTimeCanBeLimited() throws IOException {
    TrainingOptions limited = options("limited").set(Settings.MAX_TIME, Duration.ofSeconds(1));
    TrainingListener slow =
        event -> {
          if (event instanceof TrainingEvent.StepDone) {
            sleep(600);
          }
        };
    Trainer trainer = new Trainer(limited.resolve(), slow);
    String message = assertThrows(StoppedException.class, trainer::run).getMessage();
    assertTrue(message.startsWith("the time of 1s is over after step "), message);
  }

  private static void sleep(int milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aDamagedCheckpointIsPutAsideAndTheOneBeforeUsed() throws IOException {
    TrainingResult whole = new Trainer(options("whole").resolve(), events).run();
    Path run = killedAfter(7);
    List<Path> checkpoints = checkpoints(run);
    byte[] bytes = Files.readAllBytes(checkpoints.getLast());
    bytes[bytes.length / 2] ^= 4;
    Files.write(checkpoints.getLast(), bytes);
    Files.writeString(run.resolve("checkpoints/.step-00000008.gguf.1.0123abcd.tmp"), "half");
    events.clear();
    assertSame(whole.adapter(), resume(run, new TrainingOptions()).adapter());
    assertEquals(1, events.warnings().size());
    assertTrue(events.warnings().getFirst().contains("a checkpoint is damaged"));
    assertTrue(events.warnings().getFirst().contains("checksum differs"));
    try (Stream<Path> all = Files.list(run.resolve("checkpoints"))) {
      List<String> names = all.map(file -> file.getFileName().toString()).sorted().toList();
      assertTrue(names.contains("step-00000006.gguf.damaged"), names.toString());
      assertTrue(names.stream().noneMatch(name -> name.endsWith(".tmp")), names.toString());
    }
  }

  @Test
  void aRunThatBeganWithAnAdapterGoesOnFromWhatItHasBecome() throws IOException {
    LoraAdapter first = new Trainer(options("first").resolve(), events).run().adapter();
    double learned = events.steps().getLast().loss();
    Path written = folder.resolve("begin.gguf");
    try (GgufFile file = GgufFile.open(base)) {
      Map<String, String> imported = Map.of(AdapterMetadata.PARAMETRIZATION, "of ffn_up");
      AdapterExporter.write(first, new AdapterMetadata(BaseIdentity.of(file), imported), written);
    }
    TrainingOptions options =
        options("second").set(Settings.RANK, null).set(Settings.INIT_ADAPTER, written);
    events.clear();
    TrainingResult whole = new Trainer(options.resolve(), events).run();
    assertEquals(
        "note: %s was imported with A, B and scales of ffn_up; training on takes other steps than PEFT would"
            .formatted(written),
        events.notes().getFirst());
    assertTrue(events.steps().getFirst().loss() < 1.5 * learned, "it begins anew");
    assertEquals(4, whole.config().get(Settings.RANK).number());
    assertEquals(first.alpha(), whole.adapter().alpha());
    TrainingConfig config = options.set(Settings.OUTPUT, folder.resolve("third.gguf")).resolve();
    Trainer trainer = new Trainer(config, Killed.after(5));
    assertThrows(Killed.class, trainer::run);
    assertSame(whole.adapter(), resume(config.get(Settings.RUN), new TrainingOptions()).adapter());
    TrainingOptions both = options.set(Settings.RANK, RankChoice.of(8));
    String message = assertThrows(InvalidInputException.class, both::resolve).getMessage();
    assertTrue(message.startsWith("rank: is that of the adapter"), message);
  }

  /// Passes what it is asked about first.
  private static final class FirstAlone implements Judge {
    private final List<LoraAdapter> judged = new ArrayList<>();

    @Override
    public String hash() {
      return "first alone";
    }

    @Override
    public boolean passes(Candidate candidate) {
      judged.add(candidate.adapter());
      return judged.size() == 1;
    }
  }

  @Test
  void ranksThatWereFoundAreKept() throws IOException {
    TrainingOptions auto = options("auto").set(Settings.RANK, RankChoice.parse("auto:20k"));
    FirstAlone judge = new FirstAlone();
    TrainingResult whole = new Trainer(auto.resolve(), events).judgedBy(judge).run();
    // From a checkpoint, which holds B without its scale.
    assertEquals(3, whole.best().orElseThrow().step());
    assertSame(judge.judged.getFirst(), whole.best().get().adapter());
    assertTrue(
        whole.adapter().pairs().stream().map(LoraPair::rank).distinct().count() > 2, "alike");
    assertTrue(whole.adapter().parameters() <= 20_000);
    assertTrue(whole.adapter().parameters() > 19_000, "" + whole.adapter().parameters());
    assertTrue(
        events.notes().stream().anyMatch(note -> note.startsWith("rank auto: ")),
        events.notes()::toString);
    TrainingConfig config = auto.set(Settings.OUTPUT, folder.resolve("killed.gguf")).resolve();
    Trainer trainer = new Trainer(config, Killed.after(5));
    assertThrows(Killed.class, trainer::run);
    assertSame(whole.adapter(), resume(config.get(Settings.RUN), new TrainingOptions()).adapter());
  }

  /// The file has one alpha for pairs of several ranks, so their scales are in B.
  @Test
  void anAdapterWithRanksThatWereFoundIsABeginning() throws IOException {
    TrainingOptions auto = options("auto").set(Settings.RANK, RankChoice.parse("auto:20k"));
    TrainingResult first = new Trainer(auto.resolve(), events).run();
    Path written = folder.resolve("begin.gguf");
    try (GgufFile file = GgufFile.open(base)) {
      AdapterMetadata metadata = new AdapterMetadata(BaseIdentity.of(file), Map.of());
      AdapterExporter.write(first.adapter(), metadata, written);
    }
    TrainingOptions next =
        options("next").set(Settings.RANK, null).set(Settings.INIT_ADAPTER, written);
    TrainingResult whole = new Trainer(next.resolve(), events).run();
    double end = first.validationAfter().orElseThrow();
    assertEquals(end, whole.validationBefore().orElseThrow(), 1e-3 * end); // BF16 products
    assertEquals(
        first.adapter().pairs().stream().map(LoraPair::rank).toList(),
        whole.adapter().pairs().stream().map(LoraPair::rank).toList());
    TrainingConfig config = next.set(Settings.OUTPUT, folder.resolve("killed.gguf")).resolve();
    Trainer trainer = new Trainer(config, Killed.after(5));
    assertThrows(Killed.class, trainer::run);
    assertSame(whole.adapter(), resume(config.get(Settings.RUN), new TrainingOptions()).adapter());
  }

  @Test
  void whatMayNotChangeIsNamed() throws IOException {
    Path run = killedAfter(3);
    String message =
        refused(
            run,
            new TrainingOptions()
                .set(Settings.RANK, RankChoice.of(8))
                .set(Settings.SEED, 1L)
                .set(Settings.SAVED_INPUTS, SavedInputs.DEVICE_BF16) // changes the numbers
                .set(Settings.CONTEXT, TinyRun.CONTEXT) // as it was
                .set(Settings.THREADS, 2));
    assertTrue(message.contains("--rank: 8 instead of 4"), message);
    assertTrue(message.contains("--seed: 1 instead of 42"), message);
    assertTrue(message.contains("--saved-inputs: "), message);
    assertEquals(4, message.lines().count(), message);
  }

  @Test
  void changedDataAndBasesAreRecognized() throws IOException {
    Path own = Files.copy(base, folder.resolve("own.gguf"));
    Path lines = Files.copy(data, folder.resolve("lines.jsonl"));
    TrainingConfig config = options("changed").model(own).data(lines).resolve();
    Trainer trainer = new Trainer(config, Killed.after(3));
    assertThrows(Killed.class, trainer::run);
    Files.writeString(lines, Files.readString(lines).replaceFirst("said", "sang"));
    byte[] bytes = Files.readAllBytes(own);
    bytes[bytes.length - 1] ^= 1;
    Files.write(own, bytes);
    String message = refused(config.get(Settings.RUN), new TrainingOptions());
    assertTrue(message.contains("the base " + own + " isn't the file"), message);
    assertTrue(message.contains("the data doesn't give the rows"), message);
    assertTrue(message.contains(lines.toString()), message);
    // They may lie elsewhere if they are the same.
    resume(config.get(Settings.RUN), new TrainingOptions().model(base).data(data));
  }

  @Test
  void theWeightOfASourceMustStay() throws IOException {
    Path run = killedAfter(3);
    for (double weight : new double[] {2, 0.5}) {
      DataSource weighted = new DataSource(data.toString(), weight, Optional.empty());
      String message = refused(run, new TrainingOptions().set(Settings.DATA, List.of(weighted)));
      assertTrue(message.contains("the data doesn't give the rows"), message);
    }
  }

  @Test
  void aFolderWithoutARunIsRefused() throws IOException {
    assertTrue(refused(folder.resolve("none"), new TrainingOptions()).contains("no folder"));
    assertTrue(refused(folder, new TrainingOptions()).contains("holds no run"));
  }

  /// Starts a run that ends as suddenly as a test can make it.
  private Path killedAfter(int step) {
    TrainingConfig config = options("killed").resolve();
    Trainer trainer = new Trainer(config, Killed.after(step));
    assertThrows(Killed.class, trainer::run);
    return config.get(Settings.RUN);
  }

  private TrainingResult resume(Path run, TrainingOptions changes) throws IOException {
    return new Trainer(ResumedRun.config(run, changes, events), events).resume();
  }

  private String refused(Path run, TrainingOptions changes) {
    return assertThrows(InvalidInputException.class, () -> resume(run, changes)).getMessage();
  }

  private static List<Path> checkpoints(Path run) throws IOException {
    try (Stream<Path> all = Files.list(run.resolve("checkpoints"))) {
      return all.sorted().toList();
    }
  }

  /// The metrics without what is different each time.
  private static List<JsonNode> numbers(Path run) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String text : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      var line = (ObjectNode) new ObjectMapper().readTree(text);
      line.remove(List.of("seconds", "tokens_per_second"));
      lines.add(line);
    }
    return lines;
  }

  private static void assertSame(LoraAdapter expected, LoraAdapter actual) {
    assertEquals(expected.alpha(), actual.alpha());
    assertEquals(expected.pairs().size(), actual.pairs().size());
    for (int i = 0; i < expected.pairs().size(); i++) {
      assertArrayEquals(expected.pairs().get(i).a(), actual.pairs().get(i).a(), 0);
      assertArrayEquals(expected.pairs().get(i).b(), actual.pairs().get(i).b(), 0);
    }
  }
}
