package io.lorikeet.train.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.loop.Killed;
import io.lorikeet.train.loop.TinyRun;
import io.lorikeet.train.loop.Trainer;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.settings.OptimizerState;
import io.lorikeet.train.settings.Recompute;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// A run that goes on computes as it did, whatever is fastest or fits now; where it can't, it says
/// so.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class ComputationTest {
  private static final int STEPS = 5;
  private static final int KILLED_AFTER = 3;
  private static final long PLENTY = 1L << 40;

  @TempDir private static Path files;
  private static Path base;
  private static Path data;

  @TempDir private Path folder;
  private final Events events = new Events();

  @BeforeAll
  static void writeFiles() throws IOException {
    // Deep enough for what is saved of each layer to weigh more than what one takes in passing.
    base = RandomModel.of(TensorType.Q4_0).layers(6).write(files.resolve("base.gguf"));
    data = TinyRun.data(files.resolve("data.jsonl"), 24, 1);
  }

  private TrainingOptions options(String name) {
    return TinyRun.options(base, data, folder.resolve(name + ".gguf"))
        .set(Settings.STEPS, STEPS)
        .set(Settings.CHECKPOINT_EVERY, new RunPolicy.Interval.Steps(2));
  }

  /// The memory in which a run keeps its saved inputs in BF16, for want of more.
  private long little() throws IOException {
    return needed(
        model ->
            new Placement(
                PassShape.small(model, 1, TinyRun.CONTEXT),
                SavedInputs.DEVICE_BF16,
                OptimizerState.MAPPED,
                false,
                1));
  }

  /// The memory in which all is on the device, with these activations.
  private long onDevice(SavedActivations saved) throws IOException {
    return needed(model -> Placement.onDevice(PassShape.choose(model, 1, TinyRun.CONTEXT), saved));
  }

  private long needed(Function<ModelConfig, Placement> placement) throws IOException {
    TrainingConfig config = options("planned").resolve();
    try (GgufFile file = GgufFile.open(base);
        Backend planning = Backend.planning("cpu", 1)) {
      MemoryPlanner planner = new MemoryPlanner(file, config, planning);
      return planner.needed(planner.plan(placement.apply(ModelConfig.of(file))));
    }
  }

  @Test
  void aRunThatBeganWithLittleMemoryGoesOnAsItWas() throws IOException {
    long little = little();
    LoraAdapter plenty = whole(options("plenty"));
    LoraAdapter whole = whole(options("whole").set(Settings.DEVICE_MEMORY, little));
    assertFalse(same(plenty, whole), "the layouts don't differ");
    Path run = killed(options("cut").set(Settings.DEVICE_MEMORY, little), KILLED_AFTER);
    assertTrue(same(whole, resume(run, new TrainingOptions().set(Settings.DEVICE_MEMORY, PLENTY))));
    assertEquals(List.of(), events.warnings());
  }

  @Test
  void oneThatHasLessMemoryThanBeforeSaysSo() throws IOException {
    Path run = killed(options("cut"), KILLED_AFTER);
    resume(run, new TrainingOptions().set(Settings.DEVICE_MEMORY, little()));
    assertEquals(1, events.warnings().size());
    String warning = events.warnings().getFirst();
    assertTrue(warning.contains("saved-inputs: device-bf16 instead of device)"), warning);
    assertTrue(warning.contains("Its layout in memory took 0.002 GB, and there are"), warning);
    assertEquals(STEPS, events.steps().getLast().step());
    // From here on, that is how it is computed.
    resume(run, new TrainingOptions().set(Settings.DEVICE_MEMORY, PLENTY));
    assertEquals(List.of(), events.warnings());
  }

  @Test
  void onlyWhatComputesIsRecorded() throws IOException {
    for (Precision precision : List.of(Precision.F32, Precision.LLAMA)) {
      String name = precision.name();
      Path run = killed(options(name).set(Settings.PRECISION, precision), KILLED_AFTER);
      assertEquals("ggml", recorded(run, "products"));
      assertFalse(recorded(run, "libraries").contains("oneDNN"));
    }
  }

  /// From the layout that keeps most to the one that computes all of a layer again.
  @ParameterizedTest
  @EnumSource(names = {"ATTENTION", "NONE"})
  void activationsMayBeComputedAgain(SavedActivations less) throws IOException {
    long least = onDevice(less);
    SavedActivations more =
        less == SavedActivations.NONE ? SavedActivations.ATTENTION : SavedActivations.PROJECTIONS;
    // Where oneDNN multiplies in F32, a model this small takes as much without.
    assumeTrue(least < onDevice(more), "what is kept takes no memory");
    LoraAdapter whole = whole(options("whole"));
    Path run = killed(options("cut"), KILLED_AFTER);
    assertEquals("projections", recorded(run, "saved-activations"));
    TrainingOptions limited = new TrainingOptions().set(Settings.DEVICE_MEMORY, least);
    assertTrue(same(whole, resume(run, limited)));
    assertEquals(List.of(), events.warnings());
    assertEquals(Setting.name(less), recorded(run, "saved-activations"));
    assertEquals("device", recorded(run, "optimizer-state"));
  }

  /// `--recompute all` and `none` give the adapter that the choice by memory gives.
  @ParameterizedTest
  @EnumSource
  void theSettingChoosesWhatIsKept(Recompute recompute) throws IOException {
    LoraAdapter whole = whole(options("whole"));
    Path run = killed(options("cut").set(Settings.RECOMPUTE, recompute), KILLED_AFTER);
    boolean all = recompute == Recompute.ALL;
    assertEquals(all ? "none" : "projections", recorded(run, "saved-activations"));
    assertTrue(same(whole, resume(run, new TrainingOptions())));
  }

  @ParameterizedTest
  @CsvSource({"AUTO, ALL, none", "ALL, NONE, projections"})
  void aRunThatGoesOnKeepsWhatTheSettingSaysThen(Recompute before, Recompute now, String kept)
      throws IOException {
    LoraAdapter whole = whole(options("whole"));
    Path run = killed(options("cut").set(Settings.RECOMPUTE, before), KILLED_AFTER);
    assertTrue(same(whole, resume(run, new TrainingOptions().set(Settings.RECOMPUTE, now))));
    assertEquals(List.of(), events.warnings());
    assertEquals(kept, recorded(run, "saved-activations"));
  }

  /// A run of before activations could be kept goes on without.
  @Test
  void allIsComputedAgainWhereNothingIsRecorded() throws IOException {
    LoraAdapter whole = whole(options("whole"));
    Path run = killed(options("cut"), 1);
    assertTrue(replace(run, "saved-activations: \"projections\"\n", ""));
    assertTrue(same(whole, resume(run, new TrainingOptions())));
    assertEquals(List.of(), events.warnings());
    assertEquals("none", recorded(run, "saved-activations"));
  }

  @Test
  void theMomentsMayMove() throws IOException {
    LoraAdapter whole = whole(options("whole"));
    Path run = killed(options("cut"), KILLED_AFTER);
    TrainingOptions elsewhere =
        new TrainingOptions().set(Settings.OPTIMIZER_STATE, OptimizerState.MAPPED);
    assertTrue(same(whole, resume(run, elsewhere)));
    assertEquals(List.of(), events.warnings());
  }

  /// The fastest format is found by trying, which may come out otherwise on another day.
  @Test
  void productsStayInTheirFormat() throws IOException {
    LoraAdapter fastest = whole(options("fastest"));
    Path run = killed(options("whole"), 1);
    assumeTrue(replace(run, "products: \"?(?!ggml)\\S+", "products: ggml"), "there is only ggml");
    LoraAdapter whole = resume(run, new TrainingOptions());
    assertFalse(same(fastest, whole), "the formats don't differ");
    Path cut = killed(options("cut"), 1);
    replace(cut, "products: \\S+", "products: ggml");
    TrainingConfig config = ResumedRun.config(cut, new TrainingOptions(), events);
    Trainer again = new Trainer(config, Killed.after(KILLED_AFTER));
    assertThrows(Killed.class, again::resume);
    assertTrue(same(whole, resume(cut, new TrainingOptions())));
    assertEquals(List.of(), events.warnings());
  }

  @Test
  void allFormatsThatThereAreCanBeHad() {
    for (ProductFormat format : ProductFormat.values()) {
      try (Backend backend = Backend.open("cpu", 1, Optional.of(format))) {
        ProductFormat had = backend.productFormat();
        assertTrue(had == format || had == fastest(), format + ": " + had);
        assertEquals(had == ProductFormat.GGML, !backend.libraries().contains(","));
        assertFalse(backend.features().isEmpty());
      }
    }
  }

  private static ProductFormat fastest() {
    try (Backend backend = Backend.open("cpu", 1)) {
      return backend.productFormat();
    }
  }

  @Test
  void anotherProcessorAndOtherThreadsAreTold() throws IOException {
    Path run = killed(options("cut"), 1);
    assertTrue(replace(run, "hardware: .*", "hardware: \"an abacus\""));
    resume(run, new TrainingOptions().set(Settings.THREADS, 2));
    String warning = events.warnings().getFirst();
    assertTrue(warning.contains("instead of an abacus; threads: 2 instead of 1)"), warning);
  }

  /// A device that is only recorded: the one there is now has to lay the run out for itself.
  @Test
  void anotherDeviceIsTold() throws IOException {
    Path run = killed(options("cut"), 1);
    assertTrue(replace(run, "device: \"?cpu\"?", "device: \"abacus0\""));
    assertTrue(replace(run, "tile: .*", "tile: 1"));
    resume(run, new TrainingOptions());
    String warning = events.warnings().getFirst();
    assertTrue(warning.contains("(device: cpu instead of abacus0)"), warning);
    assertFalse(Files.readString(run.resolve("computation.yaml")).contains("tile: 1\n"));
  }

  @Test
  void onlyWhatWasWrittenIsRead() throws IOException {
    Path run = killed(options("cut"), 1);
    String text = Files.readString(run.resolve("computation.yaml"));
    assertEquals(text, Computation.parse("x", text, 1, TinyRun.CONTEXT).text());
    assertEquals("x: there is no 'attention-block'", refused("- a"));
    assertEquals("x: there is no 'tile'", refused(text.replaceFirst("tile: .*", "")));
    assertEquals(
        "x: tile: expected a number from 1 to 48, found 1000000",
        refused(text.replaceFirst("tile: .*", "tile: 1000000")));
    assertEquals(
        "x: saved-inputs can't be 'nowhere'",
        refused(text.replaceFirst("saved-inputs: .*", "saved-inputs: nowhere")));
    assertEquals(
        "x: saved-activations: activations are only kept beside layers' inputs on the device, not"
            + " streamed, in one pass",
        refused(text.replaceFirst("streamed: .*", "streamed: true")));
    assertEquals("x: this isn't YAML", refused("a: [\"b"));
  }

  private static String refused(String text) {
    return assertThrows(
            InvalidInputException.class, () -> Computation.parse("x", text, 1, TinyRun.CONTEXT))
        .getMessage();
  }

  private LoraAdapter whole(TrainingOptions options) throws IOException {
    return new Trainer(options.resolve(), events).run().adapter();
  }

  private Path killed(TrainingOptions options, int step) {
    TrainingConfig config = options.resolve();
    Trainer trainer = new Trainer(config, Killed.after(step));
    assertThrows(Killed.class, trainer::run);
    return config.get(Settings.RUN);
  }

  private LoraAdapter resume(Path run, TrainingOptions changes) throws IOException {
    events.clear();
    return new Trainer(ResumedRun.config(run, changes, events), events).resume().adapter();
  }

  /// Changes what a run without a checkpoint has recorded.
  ///
  /// @return whether that was there
  private static boolean replace(Path run, String pattern, String by) throws IOException {
    Path file = run.resolve("computation.yaml");
    String text = Files.readString(file);
    Files.writeString(file, text.replaceFirst(pattern, by));
    return !text.equals(Files.readString(file));
  }

  private static String recorded(Path run, String key) throws IOException {
    return Files.readAllLines(run.resolve("computation.yaml")).stream()
        .filter(line -> line.startsWith(key + ": "))
        .map(line -> line.substring(key.length() + 2).replace("\"", ""))
        .collect(Collectors.joining());
  }

  private static boolean same(LoraAdapter expected, LoraAdapter actual) {
    for (int i = 0; i < expected.pairs().size(); i++) {
      LoraPair pair = expected.pairs().get(i);
      if (!Arrays.equals(pair.a(), actual.pairs().get(i).a())
          || !Arrays.equals(pair.b(), actual.pairs().get(i).b())) {
        return false;
      }
    }
    return true;
  }
}
