package io.lorikeet.finetune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.finetune.report.RunSummary;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import io.lorikeet.train.settings.ValidationData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Fine-tuning as a Java program does it: one call, a listener, a way to stop.
@ExtendWith(LeakCheck.class)
class FineTuningTest {
  private static final int STEPS = 6;

  @TempDir private static Path files;
  private static Path base;
  private static Path data;

  @TempDir private Path folder;
  private final List<TrainingEvent> events = new ArrayList<>();

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      lines.append("{\"prompt\": \"count %d\", \"completion\": \" %d on\"}%n".formatted(i, i + 1));
    }
    data = Files.writeString(files.resolve("data.jsonl"), lines);
  }

  private TrainingConfig config(String name) throws IOException {
    return options(name).resolve();
  }

  private TrainingOptions options(String name) {
    return new TrainingOptions()
        .model(base)
        .data(data)
        .output(folder.resolve(name + ".gguf"))
        .validation(0.2)
        .set(Settings.CONTEXT, 48)
        .set(Settings.DEVICE, "cpu")
        .set(Settings.THREADS, 1)
        .set(Settings.RANK, RankChoice.of(4))
        .set(Settings.LEARNING_RATE, 0.02)
        .set(Settings.EVALUATE_EVERY, 2)
        .set(Settings.STEPS, STEPS);
  }

  /// The names of those events that come once, in their order.
  private List<String> milestones() {
    return events.stream()
        .map(event -> event.getClass().getSimpleName())
        .filter(List.of("Started", "Trained", "AdapterSaved", "BestSaved", "Proving")::contains)
        .toList();
  }

  @Test
  void trainsWritesKeepsTheBestAndProves() throws IOException {
    TrainingConfig config = config("whole");
    FineTuned done = new FineTuning(events::add).run(config, false);
    assertEquals(STEPS, done.training().steps());
    assertTrue(done.verification().orElseThrow().effect().maximum() > 0);
    assertEquals(
        List.of("Started", "Trained", "AdapterSaved", "BestSaved", "Proving"), milestones());
    assertEquals(Optional.of(folder.resolve("whole-best.gguf")), done.best());
    for (Path file : List.of(config.get(Settings.OUTPUT), done.best().get())) {
      Path copy =
          config
              .get(Settings.RUN)
              .resolve(file.getFileName().toString().replace("whole", "adapter"));
      assertEquals(-1, Files.mismatch(file, copy));
    }
    RunSummary summary = summary(config);
    assertEquals(RunSummary.Outcome.FINISHED, Objects.requireNonNull(summary.end()).outcome());
    assertEquals(done.training().adapter().pairs().size(), summary.matrices().size());
    assertTrue(summary.matrices().stream().allMatch(matrix -> matrix.norm() > 0));
    String report = Files.readString(config.get(Settings.RUN).resolve("report.html"));
    assertTrue(report.contains("Proof in llama.cpp: "), report);
    assertTrue(report.contains("<dd>finished</dd>"), report);
    String card = Files.readString(folder.resolve("whole.MODEL_CARD.md"));
    for (String word :
        List.of(
            "data.jsonl | ",
            "16 examples",
            "| rank | 4 |",
            "| steps | 6 |",
            "effect in llama.cpp")) {
      assertTrue(card.contains(word), card);
    }
    String taken =
        assertThrows(
                InvalidInputException.class, () -> new FineTuning(events::add).run(config, false))
            .getMessage();
    assertTrue(taken.contains(config.get(Settings.OUTPUT) + " exists"), taken);
  }

  /// The best one comes from a checkpoint, which holds B as it was trained.
  @Test
  void provesRanksThatFitTheData() throws IOException {
    TrainingConfig auto =
        options("fitted")
            .set(Settings.RANK, RankChoice.parse("auto:20k"))
            .set(Settings.LR_RATIO, 4.0)
            .resolve();
    FineTuned done = new FineTuning(events::add).run(auto, false);
    assertTrue(done.verification().orElseThrow().effect().maximum() > 0);
    AdapterFile last = AdapterFile.read(auto.get(Settings.OUTPUT));
    List<Integer> ranks = last.adapter().pairs().stream().map(LoraPair::rank).toList();
    assertTrue(ranks.stream().distinct().count() > 1, ranks::toString);
    assertEquals("auto:20000", last.training().get("rank"));
  }

  private TrainingConfig gated(String name, String scorer) throws IOException {
    return gated(name, scorer, new TrainingOptions());
  }

  private TrainingConfig gated(String name, String scorer, TrainingOptions options)
      throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 30; i++) {
      lines.append("{\"prompt\": \"count %d\", \"completion\": \" on on\"}%n".formatted(i));
    }
    Files.writeString(folder.resolve("on.jsonl"), lines);
    Path gate =
        Files.writeString(
            folder.resolve("gate.yaml"),
            "improve: [{tasks: on.jsonl, scorer: '%s'}]\ntokens: 4\n".formatted(scorer));
    return options
        .model(base)
        .data(folder.resolve("on.jsonl"))
        .output(folder.resolve(name + ".gguf"))
        .set(Settings.CONTEXT, 48)
        .set(Settings.DEVICE, "cpu")
        .set(Settings.THREADS, 1)
        .set(Settings.LEARNING_RATE, 0.02)
        .set(Settings.EVALUATE_EVERY, 10)
        .set(Settings.VALIDATION, new ValidationData.Fraction(0.2))
        .set(Settings.GATE, gate)
        .set(Settings.STEPS, 20)
        .resolve();
  }

  @Test
  void theBestOfThoseThatPassTheGateIsKept() throws IOException {
    TrainingConfig config = gated("passing", "regex: on");
    FineTuned done = new FineTuning(events::add).run(config, false);
    assertFalse(done.isRefused());
    assertTrue(done.best().isPresent());
    List<RunSummary.GateRecord> verdicts = summary(config).verdicts();
    assertEquals(List.of(10, 20), verdicts.stream().map(RunSummary.GateRecord::step).toList());
    assertTrue(verdicts.getLast().passes(), verdicts.toString());
    assertTrue(verdicts.getLast().checks().getFirst().measured().contains(", from 0.0 to "));
    String card = Files.readString(folder.resolve("passing.MODEL_CARD.md"));
    assertTrue(card.contains("| gate | after step 20: passes |"), card);
    String report = Files.readString(config.get(Settings.RUN).resolve("report.html"));
    assertTrue(report.contains("<h2>Gate after step 20: passes</h2>"), report);
    assertFalse(Files.exists(config.get(Settings.RUN).resolve("candidate.gguf")));
  }

  /// A word that no answer holds is never learned.
  @Test
  void whereNonePassesNoBestAdapterIsKept() throws IOException {
    TrainingConfig config = gated("refused", "regex:never");
    FineTuned done = new FineTuning(events::add).run(config, false);
    assertTrue(done.isRefused());
    assertEquals(Optional.empty(), done.best());
    assertFalse(Files.exists(folder.resolve("refused-best.gguf")));
    String card = Files.readString(folder.resolve("refused.MODEL_CARD.md"));
    assertTrue(card.contains("after step 20: doesn't pass"), card);
    // Without validation the last adapter is judged, also when it is asked for again.
    TrainingConfig last =
        new TrainingOptions()
            .model(base)
            .data(folder.resolve("on.jsonl"))
            .output(folder.resolve("last.gguf"))
            .set(Settings.CONTEXT, 48)
            .set(Settings.DEVICE, "cpu")
            .set(Settings.THREADS, 1)
            .set(Settings.GATE, folder.resolve("gate.yaml"))
            .set(Settings.STEPS, 2)
            .resolve();
    assertTrue(new FineTuning(events::add).run(last, false).isRefused());
    assertTrue(
        new FineTuning(events::add)
            .resume(last.get(Settings.RUN), new TrainingOptions(), false)
            .isRefused());
  }

  /// With another gate the best adapter so far could be one that this gate refuses.
  @Test
  void aRunGoesOnWithTheGateThatItBeganWith() throws IOException {
    TrainingConfig config = gated("judged", "regex: on");
    new FineTuning(events::add).run(config, false);
    Path run = config.get(Settings.RUN);
    TrainingOptions longer = new TrainingOptions().set(Settings.STEPS, 30);
    Path gate = config.get(Settings.GATE);
    String before = Files.readString(gate);
    Files.writeString(gate, before + "seed: 7\n");
    InvalidInputException problem =
        assertThrows(
            InvalidInputException.class,
            () -> new FineTuning(events::add).resume(run, longer, false));
    assertTrue(problem.getMessage().contains(gate + ", or a file"), problem.getMessage());
    Files.writeString(gate, before);
    new FineTuning(events::add).resume(run, longer, false);
    assertEquals(30, summary(config).verdicts().getLast().step());
  }

  /// The merged file has other numbers than the adapter: its scores are those of the file.
  @Test
  void anAdapterThatIsTrainedForMergingIsJudgedMerged() throws IOException {
    TrainingOptions options = new TrainingOptions();
    TrainingConfig config =
        gated("for-merging", "regex: on", options.set(Settings.FOR, TrainingConfig.Purpose.MERGED));
    events.clear();
    new FineTuning(events::add).run(config, false);
    assertTrue(events.contains(new TrainingEvent.Judging("merging")), events.toString());
    assertTrue(
        events.stream().anyMatch(e -> e.toString().contains("merged file")), events.toString());
    assertEquals(2, summary(config).verdicts().size());
    assertFalse(Files.exists(config.get(Settings.RUN).resolve("candidate-merged.gguf")));
  }

  @Test
  void aGateThatCantBeUsedIsRefusedBeforeTheFirstStep() throws IOException {
    TrainingConfig config = gated("wrong", "regex: on");
    Files.writeString(config.get(Settings.GATE), "improve: [{tasks: nothing.jsonl}]\n");
    assertThrows(NoSuchFileException.class, () -> new FineTuning(events::add).run(config, false));
    assertEquals(List.of(), milestones());
    Files.writeString(config.get(Settings.GATE), "improve: [{tasks: wrong.gguf}]\n");
    Files.writeString(config.get(Settings.OUTPUT), "a task");
    String message =
        assertThrows(
                InvalidInputException.class, () -> new FineTuning(events::add).run(config, true))
            .getMessage();
    assertTrue(message.contains("would overwrite"), message);
    assertEquals("a task", Files.readString(config.get(Settings.OUTPUT)));
  }

  @Test
  void aStoppedRunGoesOnToTheSameAdapter() throws IOException {
    Path whole =
        new FineTuning(events::add).run(config("whole"), false).config().get(Settings.OUTPUT);
    events.clear();
    TrainingConfig config = config("stopped");
    StopRequest stop = new StopRequest();
    FineTuning stopped =
        new FineTuning(
                event -> {
                  events.add(event);
                  if (event instanceof TrainingEvent.StepDone step && step.step() == 3) {
                    stop.make();
                  }
                })
            .stopOn(stop);
    assertThrows(StoppedException.class, () -> stopped.run(config, false));
    assertEquals(List.of("Started"), milestones());
    assertFalse(Files.exists(config.get(Settings.OUTPUT)));
    RunSummary.End end = Objects.requireNonNull(summary(config).end());
    assertEquals(RunSummary.Outcome.STOPPED, end.outcome());
    assertTrue(end.message().contains("after step 3 of 6"), end.message());
    FineTuning resumed = new FineTuning(events::add);
    resumed.resume(config.get(Settings.RUN), new TrainingOptions(), false);
    assertEquals(-1, Files.mismatch(whole, config.get(Settings.OUTPUT)));
    FineTuned again = resumed.resume(config.get(Settings.RUN), new TrainingOptions(), false);
    assertTrue(again.verification().isEmpty(), "it had finished before");
    assertEquals(STEPS, again.training().steps());
    RunSummary summary = summary(config);
    assertEquals(
        List.of(0, 3, STEPS), summary.starts().stream().map(RunSummary.Start::step).toList());
    assertEquals(14, summary.matrices().size(), "a run that had finished keeps its proof");
  }

  private static RunSummary summary(TrainingConfig config) throws IOException {
    return RunSummary.read(config.get(Settings.RUN)).orElseThrow();
  }
}
