package io.lorikeet.train.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.adapter.AdapterExporter;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.text.GreedyAnswers;
import io.lorikeet.models.text.PromptTokens;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.MemoryPlan;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.sample.SampleFile;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.SampleSource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Answers to prompts while a run goes on.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class SamplesTest {
  private static final int TOKENS = 12;
  private static final List<String> PROMPTS = List.of("say a1", "say b2");

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

  private TrainingOptions options(String name) throws IOException {
    Path file = Files.writeString(folder.resolve("more.txt"), "\n" + PROMPTS.get(1) + "\n \n");
    return TinyRun.options(base, data, folder.resolve(name + ".gguf"))
        .set(Settings.SAMPLE, List.of(SampleSource.parse("say a1"), SampleSource.parse("" + file)))
        .set(Settings.SAMPLE_TOKENS, TOKENS)
        .set(Settings.STEPS, 8)
        .set(Settings.EVALUATE_EVERY, 3)
        .set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2));
  }

  private static List<Integer> steps(List<TrainingEvent.Sampled> samples) {
    return samples.stream().map(TrainingEvent.Sampled::step).toList();
  }

  /// Answers of llama.cpp to the prompts, apart from any run.
  private List<String> answers(TrainingResult result, boolean trained) throws IOException {
    Path written = folder.resolve("written.gguf");
    try (GgufFile file = GgufFile.open(base)) {
      AdapterExporter.write(
          result.adapter(), new AdapterMetadata(BaseIdentity.of(file), Map.of()), written);
    }
    try (LlamaModel model = ModelLoader.load(base, new LlamaModel.Options(false, 0, false))) {
      Optional<LlamaAdapter> adapter =
          trained ? Optional.of(LlamaAdapter.load(model, written)) : Optional.empty();
      List<int[]> prompts =
          PROMPTS.stream().map(text -> PromptTokens.of(text, model.vocabulary())).toList();
      return new GreedyAnswers(model, adapter, TOKENS, 1)
          .of(prompts, _ -> {}).stream().map(GreedyAnswers.Answer::text).toList();
    }
  }

  private static List<String> texts(TrainingEvent.Sampled sampled) {
    return sampled.answers().stream().map(TrainingEvent.Sampled.SampleAnswer::text).toList();
  }

  @Test
  void answersAreThoseOfTheAdapterAsItStands() throws IOException {
    TrainingConfig config = options("whole").validation(0.2).resolve();
    TrainingResult result = new Trainer(config, events).run();
    Path run = config.get(Settings.RUN);
    List<TrainingEvent.Sampled> samples = SampleFile.read(run);
    assertEquals(events.of(TrainingEvent.Sampled.class), samples);
    assertEquals(List.of(0, 3, 6, 8), steps(samples));
    assertEquals(
        PROMPTS,
        samples.getFirst().answers().stream()
            .map(TrainingEvent.Sampled.SampleAnswer::prompt)
            .toList());
    assertEquals(answers(result, false), texts(samples.getFirst()));
    assertEquals(answers(result, true), texts(samples.getLast()));
    assertNotEquals(texts(samples.getFirst()), texts(samples.getLast()));
    assertTrue(
        samples.stream()
            .flatMap(time -> time.answers().stream())
            .allMatch(answer -> answer.tokens() <= TOKENS));
    String metrics = Files.readString(run.resolve(RunFiles.METRICS));
    assertEquals(4, metrics.lines().filter(line -> line.contains("\"sampling\":true")).count());
    TrainingOptions plain = options("plain").validation(0.2).set(Settings.SAMPLE, List.of());
    TrainingResult without = new Trainer(plain.resolve(), events).run();
    for (int i = 0; i < result.adapter().pairs().size(); i++) {
      assertArrayEquals(
          without.adapter().pairs().get(i).b(), result.adapter().pairs().get(i).b(), 0);
    }
    assertFalse(Files.exists(plain.resolve().get(Settings.RUN).resolve(RunFiles.SAMPLES)));
  }

  @Test
  void aKilledRunGoesOnWithTheFile() throws IOException {
    TrainingConfig whole = options("whole").resolve();
    new Trainer(whole, events).run();
    TrainingConfig config = options("killed").resolve();
    Trainer killed =
        new Trainer(
            config,
            event -> {
              if (event instanceof TrainingEvent.Sampled sampled && sampled.step() == 6) {
                throw new Killed();
              }
            });
    assertThrows(Killed.class, killed::run);
    Path file = config.get(Settings.RUN).resolve(RunFiles.SAMPLES);
    Files.writeString(file, Files.readString(file) + "{\"step\":6,\"half");
    new Trainer(config, events).resume();
    assertEquals(texts(whole.get(Settings.RUN)), texts(config.get(Settings.RUN)));
  }

  private static List<List<String>> texts(Path run) throws IOException {
    List<TrainingEvent.Sampled> samples = SampleFile.read(run);
    assertEquals(List.of(0, 3, 6, 8), steps(samples));
    return samples.stream().map(SamplesTest::texts).toList();
  }

  @Test
  void theirMemoryIsPlanned() throws IOException {
    try (GgufFile file = GgufFile.open(base);
        Backend planning = Backend.planning("cpu", 1)) {
      long without = planned(options("a").set(Settings.SAMPLE, List.of()), file, planning);
      long with = planned(options("a"), file, planning);
      assertEquals(0, without);
      // Keys and values of 2 layers, 32 wide, of 2 prompts of 256 tokens, in F32.
      assertTrue(with > 2 * 2 * 32 * 2 * 256 * Float.BYTES && with < 20_000_000, with + " bytes");
    }
  }

  private static long planned(TrainingOptions options, GgufFile file, Backend planning) {
    MemoryPlanner planner = new MemoryPlanner(file, options.resolve(), planning);
    return planner.smallest(TinyRun.CONTEXT).items().stream()
        .filter(item -> item.what().equals("answers to samples"))
        .mapToLong(MemoryPlan.PlanItem::host)
        .sum();
  }

  @Test
  void refusesPromptsThatCantBeAnswered() throws IOException {
    assertEquals(
        "a prompt is empty",
        assertThrows(IllegalArgumentException.class, () -> SampleSource.parse(" ")).getMessage());
    refused("there is no file gone.txt", SampleSource.parse("gone.txt"));
    Path blank = Files.writeString(folder.resolve("blank"), " \n");
    refused(blank + " has no prompt: every line is blank", SampleSource.parse("" + blank));
    Path many = Files.writeString(folder.resolve("many"), "a\n".repeat(17));
    refused("17 prompts are more than 16", SampleSource.parse("" + many));
    Path bytes = Files.write(folder.resolve("bytes"), new byte[] {(byte) 0xff, 0});
    refused(bytes + " isn't text in UTF-8", SampleSource.parse("" + bytes));
    TrainingConfig tooLong =
        options("long")
            .set(Settings.SAMPLE, List.of(SampleSource.parse("say ".repeat(40))))
            .resolve();
    String message =
        assertThrows(InvalidInputException.class, () -> new Trainer(tooLong, events).run())
            .getMessage();
    assertTrue(message.contains("leaves 36 tokens to a prompt"), message);
    assertTrue(events.steps().isEmpty());
    assertFalse(Files.exists(tooLong.get(Settings.RUN)), "it leaves no folder");
  }

  private void refused(String reason, SampleSource source) throws IOException {
    TrainingOptions options = options("refused").set(Settings.SAMPLE, List.of(source));
    String message = assertThrows(InvalidInputException.class, options::resolve).getMessage();
    assertTrue(message.startsWith("sample: " + reason), message);
  }
}
