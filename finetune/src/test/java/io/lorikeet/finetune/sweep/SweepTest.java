package io.lorikeet.finetune.sweep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.finetune.FineTuning;
import io.lorikeet.finetune.bases.BaseFinder;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Sweeps of tiny runs: their decisions, and that they go on exactly.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class SweepTest {
  @TempDir private static Path files;
  private static Path base;
  private static Path data;

  @TempDir private Path folder;

  /// An end that a process can't catch.
  private static final BaseFinder.Listener NOBODY =
      new BaseFinder.Listener() {
        @Override
        public void note(String sentence) {}

        @Override
        public void progress(String text) {}
      };

  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 24; i++) {
      lines.append("{\"prompt\": \"count %d\", \"completion\": \" %d on\"}%n".formatted(i, i + 1));
    }
    data = Files.writeString(files.resolve("data.jsonl"), lines);
  }

  private Path file(String name, String rest) throws IOException {
    String text =
        """
        folder: %s
        train:
          model: %s
          data: %s
          validation: 0.2
          context: 48
          device: cpu
          threads: 1
          accumulate: 1
          alpha: 8
        %s
        """
            .formatted(folder.resolve(name), base, data, rest);
    return Files.writeString(folder.resolve(name + ".yaml"), text);
  }

  private Path grid(String name) throws IOException {
    return file(
        name,
        """
        budget: 24
        try:
          learning-rate: [1e-6, 2e-2]
          rank: [2, 4]
        """);
  }

  private static Sweep.SweepResult run(Path file) throws IOException {
    return new Sweep(plan(file), new StopRequest(), _ -> {}).run();
  }

  private List<String> log(String name) throws IOException {
    return Files.readAllLines(folder.resolve(name).resolve(SweepLog.NAME));
  }

  @Test
  void dropsTheWorseHalfEachRound() throws IOException {
    SweepPlan plan = plan(grid("whole"));
    assertEquals(List.of(3, 6, 12), Arrays.stream(plan.ends()).boxed().toList());
    assertEquals(24, plan.steps());
    Sweep.SweepResult result = run(grid("whole"));
    assertEquals(2e-2, result.best().get(Settings.LEARNING_RATE), "the other learns nothing");
    assertEquals(
        List.of(3, 2, 1, 1), result.entries().stream().map(Sweep.SweptRun::round).toList());
    assertEquals(8, log("whole").size() - 3, "7 measurements and the plan beside 3 decisions");
    assertTrue(Files.exists(folder.resolve("whole").resolve(Sweep.PAGE)));
    // The best is what train makes of its settings.
    TrainingConfig config =
        new TrainingOptions()
            .output(folder.resolve("again.gguf"))
            .set(Settings.RUN, folder.resolve("again"))
            .orElse(ConfigFile.read(result.best().get(Settings.RUN).resolve(RunFiles.CONFIG)))
            .resolve();
    new FineTuning(_ -> {}).run(config, false);
    assertEquals(
        -1, Files.mismatch(result.best().get(Settings.OUTPUT), config.get(Settings.OUTPUT)));
  }

  @Test
  void aKilledSweepGoesOnToTheSameEnd() throws IOException {
    Sweep.SweepResult whole = run(grid("whole"));
    SweepPlan plan = plan(grid("killed"));
    int[] steps = {0};
    for (int killAt : List.of(3, 6, 3)) {
      steps[0] = 0;
      Sweep killed =
          new Sweep(
              plan,
              new StopRequest(),
              event -> {
                if (event instanceof TrainingEvent.StepDone && ++steps[0] == killAt) {
                  throw new Killed();
                }
              });
      assertThrows(Killed.class, killed::run);
    }
    Path log = folder.resolve("killed").resolve(SweepLog.NAME);
    Files.writeString(log, Files.readString(log) + "{\"half");
    StopRequest stop = new StopRequest();
    stop.make();
    assertThrows(StoppedException.class, () -> new Sweep(plan, stop, _ -> {}).run());
    Sweep.SweepResult resumed = run(grid("killed"));
    assertEquals(log("whole"), log("killed"));
    assertEquals(whole.entries(), resumed.entries());
    assertEquals(
        -1, Files.mismatch(whole.best().get(Settings.OUTPUT), resumed.best().get(Settings.OUTPUT)));
    assertEquals(whole.entries(), run(grid("killed")).entries(), "a finished one tells it again");
    Files.writeString(
        folder.resolve("killed.yaml"),
        Files.readString(folder.resolve("killed.yaml")).replace("[2, 4]", "[2, 3]"));
    String other =
        assertThrows(InvalidInputException.class, () -> run(folder.resolve("killed.yaml")))
            .getMessage();
    assertTrue(other.contains("another sweep was begun in this folder"), other);
  }

  /// Runs that were begun go on with the files that they had.
  @Test
  void aSweepDoesNotGoOnWithOtherFiles() throws IOException {
    Path file = grid("files");
    StopRequest stop = new StopRequest();
    stop.make();
    assertThrows(StoppedException.class, () -> new Sweep(plan(file), stop, _ -> {}).run());
    Path other = Files.copy(data, folder.resolve("other.jsonl"));
    Files.writeString(file, Files.readString(file).replace(data.toString(), other.toString()));
    String message =
        assertThrows(InvalidInputException.class, () -> new Sweep(plan(file), stop, _ -> {}).run())
            .getMessage();
    assertTrue(message.contains("another sweep was begun in this folder"), message);
  }

  @Test
  void runsWhoseNumbersGoWrongAreDropped() throws IOException {
    Sweep.SweepResult result =
        run(file("wrong", "budget: 6\ntry: {learning-rate: [1e30, 1e-3]}\n"));
    assertEquals(1, result.entries().getFirst().run());
    assertTrue(Double.isNaN(result.entries().getLast().loss()));
  }

  @Test
  void randomChoicesFollowFromTheSeed() throws IOException {
    String random =
        """
        budget: 1000
        random: 9
        seed: %s
        try:
          learning-rate: {from: 1e-5, to: 1e-2}
          rank: {from: 2, to: 16}
          schedule: [linear, cosine]
          target: [attention, [q, v]]
        """;
    SweepPlan plan = plan(file("random", random.formatted(5)));
    assertEquals(9, plan.choices().stream().distinct().count());
    for (TrainingConfig config : plan.configs()) {
      double rate = config.get(Settings.LEARNING_RATE);
      assertTrue(rate >= 1e-5 && rate <= 1e-2, rate + "");
      int rank = config.get(Settings.RANK).number();
      assertTrue(rank >= 2 && rank <= 16, rank + "");
    }
    assertEquals(plan.choices(), plan(file("random", random.formatted(5))).choices());
    assertFalse(plan.choices().equals(plan(file("random", random.formatted(6))).choices()));
  }

  @Test
  void refusesInWordsWhatCantBeSwept() throws IOException {
    refused("unknown key 'bugdet'; did you mean 'budget'?", "bugdet: 5\ntry: {rank: [1, 2]}\n");
    refused("budget: 2 runs need at least 3 steps", "budget: 2\ntry: {rank: [1, 2]}\n");
    refused("budget: expected a whole number", "budget: 2.5\ntry: {rank: [1, 2]}\n");
    refused("unknown key 'rnak'", "budget: 20\ntry: {rnak: [1, 2]}\n");
    refused("unknown key 'steps'", "budget: 20\ntry: {steps: [1, 2]}\n");
    refused("try: gives 1 runs", "budget: 20\ntry: {rank: [1]}\n");
    refused("try: rank: expected a whole number from 1", "budget: 20\ntry: {rank: [1, 0]}\n");
    refused("from and to are for 'random: N'", "budget: 20\ntry: {rank: {from: 1, to: 2}}\n");
    refused("random: there are only about 2", "budget: 20\nrandom: 3\ntry: {rank: [1, 2]}\n");
    refused("'from' above 0", "budget: 20\nrandom: 3\ntry: {rank: {from: 0, to: 2}}\n");
    refused(
        "a grid of more than 256",
        "budget: 999\ntry: {rank: [%s 1], expert-rank: [%s 1]}\n"
            .formatted("1, ".repeat(20), "1, ".repeat(20)));
    refused("try: beta changes what the validation loss is", "budget: 20\ntry: {beta: [1, 2]}\n");
    refused(
        "try: batch-size changes what the validation loss is",
        "  method: contrastive\nbudget: 20\ntry: {batch-size: [2, 4]}\n");
    refused(
        "try: train-on changes what the validation loss is",
        "budget: 20\ntry: {train-on: [all, completion]}\n");
    refused("try: seed also chooses the measured examples", "budget: 20\ntry: {seed: [1, 2]}\n");
    refused("compared by their loss, not by a gate", "budget: 20\ntry: {gate: [a, b]}\n");
    refused("this isn't YAML", "budget: [\n");
    assertFalse(Files.exists(folder.resolve("refused")), "nothing is written");
    Path steps = file("steps", "budget: 20\ntry: {rank: [1, 2]}\n");
    Files.writeString(
        steps, Files.readString(steps).replace("  alpha: 8", "  alpha: 8\n  steps: 4"));
    assertTrue(
        assertThrows(InvalidInputException.class, () -> plan(steps))
            .getMessage()
            .contains("train: steps is the sweep's; leave it out"));
    Path gated = file("gated", "budget: 20\ntry: {rank: [1, 2]}\n");
    Files.writeString(
        gated, Files.readString(gated).replace("  alpha: 8", "  alpha: 8\n  gate: gate.yaml"));
    assertTrue(
        assertThrows(InvalidInputException.class, () -> plan(gated))
            .getMessage()
            .contains("not by a gate"));
    Path unmeasured = file("unmeasured", "budget: 20\ntry: {rank: [1, 2]}\n");
    Files.writeString(unmeasured, Files.readString(unmeasured).replace("  validation: 0.2\n", ""));
    assertTrue(
        assertThrows(InvalidInputException.class, () -> plan(unmeasured))
            .getMessage()
            .contains("train: validation is needed"));
  }

  private void refused(String reason, String rest) throws IOException {
    Path file = file("refused", rest);
    String message = assertThrows(InvalidInputException.class, () -> plan(file)).getMessage();
    assertTrue(message.startsWith(file + ":") && message.contains(reason), message);
  }

  @Test
  void aRangeTestSuggestsARateAndKeepsNothing() throws IOException {
    TrainingOptions options =
        new TrainingOptions()
            .model(base)
            .data(data)
            .output(folder.resolve("never.gguf"))
            .set(Settings.CONTEXT, 48)
            .set(Settings.DEVICE, "cpu")
            .set(Settings.THREADS, 1)
            .set(Settings.ACCUMULATE, 1)
            .set(Settings.RANK, RankChoice.of(4));
    RateTest test = RateTest.run(options, new StopRequest(), _ -> {});
    assertEquals(List.of(), files(), "nothing is kept");
    assertTrue(test.rates().size() > 20, test.rates().size() + " steps");
    assertEquals(RateTest.LOWEST, test.rates().getFirst());
    double suggested = test.suggestion().orElseThrow();
    assertTrue(suggested > 1e-5 && suggested < test.bestRate(), "" + suggested);
    assertEquals(test, RateTest.run(options, new StopRequest(), _ -> {}), "from the run's seed");
    String message =
        assertThrows(
                InvalidInputException.class,
                () ->
                    RateTest.run(
                        options.output(folder.resolve("none").resolve("a.gguf")),
                        new StopRequest(),
                        _ -> {}))
            .getMessage();
    assertTrue(message.startsWith("output: there is no folder"), message);
    options.output(folder.resolve("never.gguf"));
    StopRequest stop = new StopRequest();
    stop.make();
    assertThrows(StoppedException.class, () -> RateTest.run(options, stop, _ -> {}));
    assertEquals(List.of(), files());
  }

  private List<Path> files() throws IOException {
    try (var all = Files.list(folder)) {
      return all.toList();
    }
  }

  private static SweepPlan plan(Path file) throws IOException {
    return SweepPlan.read(file, BaseFinder.ofUser(1, NOBODY));
  }
}
