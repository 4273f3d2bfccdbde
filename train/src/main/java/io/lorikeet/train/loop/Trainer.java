package io.lorikeet.train.loop;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSettings;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.lora.PairStart;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.FiniteWeights;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.checkpoint.Checkpoint;
import io.lorikeet.train.data.Activation;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.NeutralData;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.memory.MemoryPlan;
import io.lorikeet.train.memory.MemoryReport;
import io.lorikeet.train.memory.TrainingSetup;
import io.lorikeet.train.optimizer.AdamW;
import io.lorikeet.train.optimizer.UnusableStepException;
import io.lorikeet.train.parallel.GradientJob;
import io.lorikeet.train.parallel.Machines;
import io.lorikeet.train.parallel.StepGradients;
import io.lorikeet.train.rank.FittedRanks;
import io.lorikeet.train.run.Computation;
import io.lorikeet.train.run.ComputationChoice;
import io.lorikeet.train.run.DataHash;
import io.lorikeet.train.run.EventFile;
import io.lorikeet.train.run.MetricsFile;
import io.lorikeet.train.run.RunFolder;
import io.lorikeet.train.run.RunProgress;
import io.lorikeet.train.run.RunSaver;
import io.lorikeet.train.run.StoppedException;
import io.lorikeet.train.run.TrainingResult;
import io.lorikeet.train.sample.Samples;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.LearningRateSchedule;
import io.lorikeet.train.settings.PreferenceSettings;
import io.lorikeet.train.settings.RankChoice;
import io.lorikeet.train.settings.RunFiles;
import io.lorikeet.train.settings.RunPolicy;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Trains a LoRA adapter on a frozen base: reads the data, runs the steps, keeps the run folder.
/// The finished adapter is handed back; writing it to a file is export's part.
@Beta
public final class Trainer {
  private final TrainingConfig config;
  private final TrainingListener listener;
  private StopRequest stop = new StopRequest();
  private Optional<Judge> judge = Optional.empty();
  private ComputationChoice.Devices devices = Backend::open;
  private Optional<Trial> trial = Optional.empty();
  private Optional<Machines> machines = Optional.empty();
  private @Nullable GgufFile opened;

  public Trainer(TrainingConfig config, TrainingListener listener) {
    this.config = config;
    this.listener = listener;
  }

  /// Stops when asked to.
  public Trainer stopOn(StopRequest request) {
    stop = request;
    return this;
  }

  /// Keeps no adapter as the best that doesn't pass, at validations or else after the last step.
  public Trainer judgedBy(Judge given) {
    judge = Optional.of(given);
    return this;
  }

  /// Steps that are taken to find something out.
  private record Trial(int steps, LearningRateSchedule rates) {}

  /// Takes so many steps at these rates instead of the run's own. Their batches are the run's.
  public Trainer trial(int steps, LearningRateSchedule rates) {
    trial = Optional.of(new Trial(steps, rates));
    return this;
  }

  /// Uses the configuration's base, which is open already, and leaves it open.
  public Trainer on(GgufFile base) {
    opened = base;
    return this;
  }

  /// Has other machines compute the micro-batches.
  public Trainer across(Machines given) {
    machines = Optional.of(given);
    return this;
  }

  /// Computes on devices that something can happen to.
  Trainer on(ComputationChoice.Devices given) {
    devices = given;
    return this;
  }

  /// Trains from the first step to the last. Settings and files are refused before the data is
  /// read, where possible; a run that fails before its first step leaves no folder.
  ///
  /// @throws InvalidInputException when the base, the data or the settings can't be used
  /// @throws UnusableStepException when a loss or gradient isn't a finite number, or is far outside
  /// @throws StoppedException when it was asked to stop, or the time it was given is over
  /// @throws IOException when a file can't be read or the run folder can't be written, or the base
  ///     was changed meanwhile
  public TrainingResult run() throws IOException {
    try (RunFolder folder = RunFolder.take(config.get(Settings.RUN))) {
      return run(folder, Optional.empty(), Optional.empty());
    }
  }

  /// Goes on with the run in the configuration's run folder, from its newest checkpoint that is
  /// whole. The end is the same, to the last bit, as if it had never been stopped.
  ///
  /// @throws InvalidInputException when there is no such run, or base, data or gate were changed;
  ///     and as [#run] otherwise
  public TrainingResult resume() throws IOException {
    try (RunFolder folder = RunFolder.reopen(config.get(Settings.RUN))) {
      Optional<Checkpoint> newest = RunSaver.newest(folder.checkpoints(), listener);
      if (newest.isEmpty()) {
        return run(
            folder, newest, folder.computation(config)); // it was killed before its first one
      }
      try (Checkpoint checkpoint = newest.get()) {
        return run(folder, newest, Optional.of(RunSaver.computation(checkpoint, config)));
      }
    }
  }

  private TrainingResult run(
      RunFolder folder, Optional<Checkpoint> newest, Optional<Computation> before)
      throws IOException {
    if (opened != null) {
      return run(folder, newest, before, opened);
    }
    try (GgufFile base = GgufFile.open(config.get(Settings.MODEL))) {
      return run(folder, newest, before, base);
    }
  }

  private TrainingResult run(
      RunFolder folder, Optional<Checkpoint> newest, Optional<Computation> before, GgufFile base)
      throws IOException {
    ComputationChoice choice =
        new ComputationChoice(config, before, machines.isPresent(), listener);
    Optional<Long> deadline =
        config.find(Settings.MAX_TIME).map(time -> System.nanoTime() + time.toNanos());
    try (Backend backend = choice.open(devices)) {
      ModelConfig model = ModelConfig.of(base);
      FiniteWeights.require(base);
      Optional<Invocation> invocation = Activation.of(config, base);
      Optional<LoraAdapter> given = given(newest, base, model, invocation);
      TrainingConfig adapted = given.map(config::withAdapter).orElse(config);
      if (given.isEmpty() && config.get(Settings.RANK) instanceof RankChoice.Same(int rank)) {
        RankCheck.of(base, model, config.get(Settings.TARGET)).check(rank, listener);
      }
      Map<String, PairStart> planned = planned(adapted, newest, base);
      MemoryPlan first =
          choice.plan(base, backend, parameters(adapted, base, given, planned, invocation));
      try (TrainingData data = readData(base, model.reach())) {
        Optional<DataSet> neutral = readNeutral(folder, base, model.reach());
        TrainingConfig learning = data.method().map(adapted::withMethod).orElse(adapted);
        String dataHash = DataHash.of(data, neutral, PreferenceSettings.reference(learning));
        base.hash(); // kept by the file: checkpoints name it, even when the file is gone by then
        if (newest.isPresent()) {
          RunSaver.requireSame(newest.get(), base, dataHash, judge.map(Judge::hash), config);
        }
        boolean finds = newest.isEmpty() && !planned.isEmpty();
        Map<String, PairStart> starts =
            finds ? FittedRanks.find(base, adapted, data.training(), listener) : planned;
        MemoryPlan plan =
            finds
                ? choice.plan(base, backend, parameters(adapted, base, given, starts, invocation))
                : first;
        Computation computation = Computation.of(backend, plan.placement());
        int accumulate = config.accumulateFor(data.training().rows().size());
        if (machines.isPresent() && learning.find(Settings.METHOD).isPresent()) {
          throw new InvalidInputException(
              "cluster: preferences and embeddings are learned on one machine only; train without --cluster");
        }
        TrainingConfig accumulating = learning.withAccumulate(accumulate);
        TrainingConfig decided =
            trial.map(tried -> accumulating.withSteps(tried.steps())).orElse(accumulating);
        RunProgress progress =
            newest.map(c -> new RunProgress(c.metadata())).orElseGet(RunProgress::new);
        requireStepsLeft(decided, data, progress);
        folder.write(decided, computation);
        MetricsFile.cutAfter(folder.metrics(), progress.step(), progress.evaluatedStep());
        try (MetricsFile metrics = new MetricsFile(folder.metrics(), events(folder))) {
          Pieces pieces =
              new Pieces(
                  folder,
                  base,
                  model,
                  plan,
                  data,
                  neutral,
                  dataHash,
                  backend,
                  metrics,
                  given,
                  starts,
                  newest,
                  invocation);
          return train(decided, pieces, progress, deadline);
        }
      }
    }
  }

  private Optional<EventFile> events(RunFolder folder) {
    return config.get(Settings.LOG) == RunPolicy.Log.TENSORBOARD
        ? Optional.of(new EventFile(folder.path().resolve(RunFiles.TENSORBOARD), Clock.systemUTC()))
        : Optional.empty();
  }

  private record Pieces(
      RunFolder folder,
      GgufFile base,
      ModelConfig model,
      MemoryPlan plan,
      TrainingData data,
      Optional<DataSet> neutral,
      String dataHash,
      Backend backend,
      MetricsFile metrics,
      Optional<LoraAdapter> given,
      Map<String, PairStart> starts,
      Optional<Checkpoint> newest,
      Optional<Invocation> invocation) {

    /// All that the losses of a data set's rows depend on, but for the adapter.
    String key(TrainingConfig config) throws IOException {
      return String.join(
          "\n",
          base.hash(),
          dataHash,
          Computation.of(backend, plan.placement()).toString(),
          config.get(Settings.PRECISION).name(),
          config.get(Settings.FOR).name(),
          config.get(Settings.SEED).toString(),
          config.get(Settings.BATCH_SIZE).toString(),
          config.find(Settings.METHOD).toString());
    }
  }

  /// The adapter that isn't made anew: the one the run begins with, as it was or as it is now.
  private Optional<LoraAdapter> given(
      Optional<Checkpoint> newest,
      GgufFile base,
      ModelConfig model,
      Optional<Invocation> invocation)
      throws IOException {
    Optional<Path> initial = config.find(Settings.INIT_ADAPTER);
    if (initial.isEmpty()) {
      return Optional.empty();
    }
    LoraAdapter adapter =
        newest.isPresent()
            ? newest.get().adapter(RunSaver.alpha(newest.get())).activatedBy(invocation)
            : read(initial.get(), base);
    LoraTargets.requireTrainable(adapter, model, Settings.INIT_ADAPTER.key());
    Activation.require("init-adapter", adapter.invocation(), invocation);
    return Optional.of(adapter);
  }

  private LoraAdapter read(Path initial, GgufFile base) throws IOException {
    AdapterFile file = AdapterFile.read(initial, base);
    String imported = file.training().get(AdapterMetadata.PARAMETRIZATION);
    if (imported != null) {
      listener.on(
          new TrainingEvent.Note(
              "note: %s was imported with A, B and scales %s; training on takes other steps than PEFT would"
                  .formatted(initial, imported)));
    }
    return file.adapter();
  }

  private static void requireStepsLeft(
      TrainingConfig config, TrainingData data, RunProgress progress) {
    int steps = config.stepsFor(data.training().rows().size());
    if (progress.step() > steps) {
      throw new InvalidInputException(
          "steps: %s is less than the %s steps that the run has done"
              .formatted(steps, progress.step()));
    }
  }

  private TrainingData readData(GgufFile base, int window) throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      return TrainingData.load(
          new DataSettings(config, window),
          TextEncoding.of(tokenizer, config.find(Settings.CHAT_TEMPLATE)),
          listener);
    }
  }

  private Optional<DataSet> readNeutral(RunFolder folder, GgufFile base, int window)
      throws IOException {
    if (!config.keepsBase()) {
      return Optional.empty();
    }
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      return Optional.of(
          NeutralData.load(
              new DataSettings(config, window),
              TextEncoding.of(tokenizer, config.find(Settings.CHAT_TEMPLATE)),
              folder.path().resolve(RunFiles.NEUTRAL),
              listener));
    }
  }

  private TrainingResult train(
      TrainingConfig config, Pieces pieces, RunProgress progress, Optional<Long> deadline)
      throws IOException {
    GgufFile base = pieces.base();
    ModelConfig model = pieces.model();
    Backend backend = pieces.backend();
    TrainingListener events =
        event -> {
          pieces.metrics().on(event);
          listener.on(event);
        };
    ByteProgress upload =
        (done, total) -> events.on(new TrainingEvent.Progress("uploading weights", done, total));
    TrainingSetup.Request request =
        new TrainingSetup.Request(
            parameters(config, base, pieces.given(), pieces.starts(), pieces.invocation()),
            pieces.plan().placement(),
            shorterLengths(config, pieces),
            config.get(Settings.PRECISION),
            config.get(Settings.DROPOUT),
            config.adamW(),
            config.isForMerging(),
            config.keepsBase(),
            pieces.folder().path());
    RunGoals goals =
        RunGoals.of(config, pieces.data(), backend, base, request, pieces.key(config), events);
    MemoryReport memory = new MemoryReport(pieces.plan(), backend);
    try (Samples samples = samples(config, pieces, progress);
        TrainingSetup setup = new TrainingSetup(base, backend, request, upload);
        RunSaver saver = saver(config, pieces, setup.lora(), setup.optimizer(), events);
        StepGradients gradients = gradients(pieces, request, setup.lora(), events)) {
      LoraParameters lora = setup.lora();
      pieces.newest().ifPresent(saver::restore);
      events.on(new TrainingEvent.Note(Advice.summary(config, backend)));
      boolean validates = pieces.data().validation().isPresent();
      Advice.give(config, pieces.data().training(), lora.count(), validates, events);
      int steps = config.stepsFor(pieces.data().training().rows().size());
      events.on(
          new TrainingEvent.Started(
              steps, progress.step(), lora.count(), base.parameterCount() + lora.count()));
      Optional<KeptBase> keptBase =
          pieces
              .neutral()
              .map(
                  rows ->
                      KeptBase.of(
                          rows,
                          setup.model(),
                          config.get(Settings.KEEP_BASE),
                          config.get(Settings.BATCH_SIZE),
                          events));
      TrainingStep step =
          new TrainingStep(
              setup.model(),
              gradients,
              setup.optimizer(),
              goals.training(),
              keptBase,
              config.get(Settings.MAX_GRAD_NORM),
              config.get(Settings.SEED));
      TrainingLoop.Ends ends = new TrainingLoop.Ends(stop, deadline, judge);
      TrainingLoop loop =
          new TrainingLoop(
                  config,
                  base,
                  pieces.data(),
                  step,
                  goals.validation(),
                  steps,
                  progress,
                  saver,
                  ends,
                  events)
              .samples(Optional.ofNullable(samples));
      trial.map(Trial::rates).ifPresent(loop::trial);
      TrainingResult result = loop.run();
      events.on(memory.atEnd());
      return result;
    }
  }

  private StepGradients gradients(
      Pieces pieces, TrainingSetup.Request request, LoraParameters lora, TrainingListener events)
      throws IOException {
    if (machines.isEmpty()) {
      return StepGradients.local();
    }
    Computation computation = Computation.of(pieces.backend(), pieces.plan().placement());
    GradientJob job = GradientJob.of(pieces.base(), computation, request, lora);
    return machines.get().begin(job, events);
  }

  /// Lengths that rows are computed in besides the context.
  private static List<Integer> shorterLengths(TrainingConfig config, Pieces pieces) {
    Stream<Integer> ofNeutral =
        pieces.neutral().stream()
            .flatMap(rows -> rows.batches(config.get(Settings.BATCH_SIZE)).stream())
            .map(batch -> batch.tokens().context())
            .filter(length -> length < config.get(Settings.CONTEXT));
    return Stream.concat(pieces.data().shorterLengths().stream(), ofNeutral)
        .distinct()
        .sorted()
        .toList();
  }

  /// Before anything large is allocated: prompts that are too long are refused then.
  private static @Nullable Samples samples(
      TrainingConfig config, Pieces pieces, RunProgress progress) throws IOException {
    return Samples.open(config, pieces.base(), pieces.data().chatTemplate(), progress.step())
        .orElse(null);
  }

  /// How pairs begin, as far as that is known before the data is.
  private static Map<String, PairStart> planned(
      TrainingConfig config, Optional<Checkpoint> newest, GgufFile base) {
    Map<String, PairStart> planned = FittedRanks.planned(base, config);
    return planned.isEmpty() || newest.isEmpty()
        ? planned
        : FittedRanks.of(newest.get().adapter(RunSaver.alpha(newest.get())));
  }

  private static Function<Backend, LoraParameters> parameters(
      TrainingConfig config,
      GgufFile base,
      Optional<LoraAdapter> given,
      Map<String, PairStart> starts,
      Optional<Invocation> invocation) {
    ModelConfig model = ModelConfig.of(base);
    LoraSettings settings = config.adapter().activatedBy(invocation);
    return backend ->
        given
            .map(adapter -> LoraParameters.of(adapter, backend))
            .orElseGet(() -> LoraParameters.create(base, model, settings, starts, backend));
  }

  private RunSaver saver(
      TrainingConfig config,
      Pieces pieces,
      LoraParameters lora,
      AdamW optimizer,
      TrainingListener events) {
    float alpha = pieces.given().map(LoraAdapter::alpha).orElseGet(() -> lora.toAdapter().alpha());
    RunSaver.Run run =
        new RunSaver.Run(
            pieces.folder(),
            pieces.base(),
            pieces.dataHash(),
            judge.map(Judge::hash),
            alpha,
            Computation.of(pieces.backend(), pieces.plan().placement()),
            pieces.metrics(),
            events);
    return new RunSaver(config, run, lora, optimizer);
  }
}
