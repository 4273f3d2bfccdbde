package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.SampleSource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdviceTest {
  @TempDir private Path folder;

  @Test
  void settingsThatFitNeedNoAdvice() throws IOException {
    assertEquals(List.of(), advice(options(), 100, 100 * 20));
  }

  @Test
  void anAdapterWithFewerParametersThanTrainedTokens() throws IOException {
    assertEquals(
        List.of(
            "the adapter has 1,999 parameters for 2,000 trained tokens: it may be too small to take"
                + " in the data; consider a higher --rank"),
        advice(options(), 100, 1999));
  }

  @Test
  void fewSteps() throws IOException {
    assertEquals(
        List.of("the run has few steps (13): consider a smaller --accumulate, or more --epochs"),
        advice(options().set(Settings.ACCUMULATE, 8), 100, 10_000));
    assertEquals(
        List.of("the run has few steps (9): consider more --epochs"), advice(options(), 9, 10_000));
    assertEquals(List.of(), advice(options().set(Settings.STEPS, 3), 100, 10_000));
  }

  @Test
  void veryLargeBatches() throws IOException {
    TrainingOptions large = options().set(Settings.CONTEXT, 2048).set(Settings.STEPS, 50);
    assertEquals(List.of(), advice(large.set(Settings.ACCUMULATE, 32), 100, 10_000));
    List<String> advice = advice(large.set(Settings.ACCUMULATE, 33), 100, 10_000);
    assertEquals(1, advice.size());
    assertTrue(advice.getFirst().startsWith("a step has up to 67,584 tokens"), advice.getFirst());
    assertTrue(advice.getFirst().contains("16,384"), advice.getFirst());
  }

  @Test
  void learningRatesThatTrainNothing() throws IOException {
    assertEquals(
        List.of("the learning rate of 1.0E9 is far above what LoRA is trained with, 1e-5 to 1e-2"),
        advice(options().set(Settings.LEARNING_RATE, 1e9), 100, 10_000));
  }

  @Test
  void evaluationsOfNothing() throws IOException {
    TrainingOptions options = options().set(Settings.EVALUATE_EVERY, 2);
    List<String> told =
        List.of("--evaluate-every does nothing here: there are neither --validation nor --sample");
    assertEquals(told, advice(options, 100, 10_000));
    assertEquals(List.of(), advice(options, 100, 10_000, true));
    options.set(Settings.SAMPLE, List.of(new SampleSource.PromptText("say")));
    assertEquals(List.of(), advice(options, 100, 10_000));
  }

  private List<String> advice(TrainingOptions options, int rows, long parameters) {
    return advice(options, rows, parameters, false);
  }

  private List<String> advice(
      TrainingOptions options, int rows, long parameters, boolean validates) {
    TokenizedExample example = new TokenizedExample(new int[21], 1, "data.jsonl", 1);
    List<TokenizedExample> all = Collections.nCopies(rows, example);
    TrainingConfig config = options.resolve(_ -> 4096);
    Events events = new Events();
    Advice.give(
        config.withAccumulate(config.accumulateFor(rows)),
        DataSet.of(all, config.get(Settings.CONTEXT), DataSet.Packing.NONE),
        parameters,
        validates,
        events);
    return events.warnings();
  }

  private TrainingOptions options() throws IOException {
    Path base = Files.writeString(folder.resolve("base.gguf"), "x");
    Path data = Files.writeString(folder.resolve("data.jsonl"), "x");
    return TinyRun.options(base, data, folder.resolve("adapter.gguf"))
        .set(Settings.STEPS, null)
        .set(Settings.ACCUMULATE, null);
  }
}
