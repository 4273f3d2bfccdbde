package io.lorikeet.train.memory;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.Graph;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelMemory;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.NeutralData;
import io.lorikeet.train.optimizer.AdamW;
import io.lorikeet.train.rank.FittedRanks;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.OptimizerState;
import io.lorikeet.train.settings.Recompute;
import io.lorikeet.train.settings.SampleSource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.stream.Stream;

/// Finds out what a run needs before it starts, and lays it out so that it fits: what costs no time
/// first, then what costs some.
public final class MemoryPlanner {
  /// The longest row that [#longestContext] looks for where the run's own isn't longer. Planning a
  /// row takes time in proportion to it.
  public static final int LONGEST_USUAL = 1 << 15;

  /// The longest row that it looks for at all: a file may claim any context.
  private static final int LONGEST_SOUGHT = 1 << 18;

  /// The memory of the process itself.
  private static final String JAVA = "Java and libraries";

  /// The share of free memory that isn't planned with: drivers and kernels take some as they go.
  private static final double HEADROOM = 0.03;

  /// The share of the process's memory that isn't planned with on the CPU: processes were measured
  /// to take up to 3.4 % more than planned, and a control group counts pages of the kernel, too.
  private static final double PROCESS_HEADROOM = 0.05;

  /// Growth of the process besides tensors from planning to training, as measured: Java's compiled
  /// code and heap, the kernels that oneDNN compiles, the threads' own scratch.
  private static final long GROWTH = 78_000_000;

  /// The most that pages of libraries take. Other mapped pages are the base's, and count as such.
  private static final long LIBRARIES = 85_000_000;

  /// The memory of a Vulkan driver that computes on the CPU, as measured with Mesa's: its
  /// libraries, and the kernels it compiles.
  private static final long SOFTWARE_DRIVER = 28_000_000;

  /// The memory of the kernels that ggml has it compile for products of more than [#FEW_COLUMNS]
  /// columns.
  private static final long LARGE_KERNELS = 20_000_000;

  private static final int FEW_COLUMNS = 64;

  /// Growth of a driver by Spark's classes, buffers and sums under way, as measured.
  private static final long SPARK = 75_000_000;

  /// Where the smallest layout but one takes this many times the memory there is, the smallest
  /// doesn't fit either: it keeps the layers' inputs in half the bytes, and the rest is the same.
  private static final int FAR_TOO_LARGE = 2;

  /// A lower bound for the tensors of one block of attention in a layer's backward graph.
  private static final int TENSORS_OF_A_BLOCK = 24;

  private final GgufFile base;
  private final ModelConfig model;
  private final TrainingConfig config;
  private final Backend backend;
  private final Function<Backend, LoraParameters> adapter;
  private boolean sends;

  /// @param base the open file of the base; its head is enough
  /// @param backend only plans ([Backend#planning])
  /// @param adapter makes the parameters on a backend
  public MemoryPlanner(
      GgufFile base,
      TrainingConfig config,
      Backend backend,
      Function<Backend, LoraParameters> adapter) {
    this.base = base;
    this.config = config;
    this.backend = backend;
    this.adapter = adapter;
    model = ModelConfig.of(base);
  }

  /// For a run with a new adapter.
  ///
  /// @param base the open file of the base; its head is enough
  /// @param backend only plans ([Backend#planning])
  public MemoryPlanner(GgufFile base, TrainingConfig config, Backend backend) {
    this(
        base,
        config,
        backend,
        on ->
            LoraParameters.create(
                base,
                ModelConfig.of(base),
                config.adapter(),
                FittedRanks.planned(base, config),
                on));
  }

  /// Plans for a process whose micro-batches other machines compute.
  public MemoryPlanner sending() {
    sends = true;
    return this;
  }

  /// The device's free memory within the limit of the settings, in bytes.
  public long available() {
    long free =
        backend.isCpu()
            ? availableToProcess()
            : (long) (backend.deviceNow().memoryFree() * (1 - HEADROOM));
    return Math.min(free, config.find(Settings.DEVICE_MEMORY).orElse(free));
  }

  private long availableToProcess() {
    long free = host().map(HostMemory::bytes).orElse(backend.deviceNow().memoryFree());
    long own = ProcessMemory.now().map(MemoryPlanner::own).orElse(0L);
    return Math.max(0, (long) (free - PROCESS_HEADROOM * (free + own)) - GROWTH);
  }

  /// The limit that keeps the host's memory below the system's free memory, if the run computes
  /// there.
  public Optional<String> limit() {
    return backend.isCpu() ? host().flatMap(HostMemory::limit) : Optional.empty();
  }

  private Optional<HostMemory> host() {
    return HostMemory.now(bytesOfBase(), ProcessMemory.now().map(MemoryPlanner::own).orElse(0L));
  }

  /// Bytes of the process without the base's pages.
  private static long own(ProcessMemory now) {
    return now.anonymous() + Math.min(now.file(), LIBRARIES);
  }

  /// The first layout that fits.
  ///
  /// @param context tokens of a row
  /// @param device bytes there are in the device's memory
  public Optional<MemoryPlan> fitting(int context, long device) {
    for (Placement placement : candidates(context)) {
      MemoryPlan plan = plan(placement);
      if (fits(plan, device)) {
        return Optional.of(plan);
      }
    }
    return Optional.empty();
  }

  /// A layout that fits and computes the very same numbers as an earlier one; that one itself, if
  /// it does.
  ///
  /// @param device bytes there are in the device's memory
  public Optional<MemoryPlan> alike(MemoryPlan earlier, long device) {
    List<OptimizerState> states = new ArrayList<>();
    states.add(config.find(Settings.OPTIMIZER_STATE).orElse(earlier.placement().optimizerState()));
    if (backend.isCpu() && config.find(Settings.OPTIMIZER_STATE).isEmpty()) {
      states.add(OptimizerState.MAPPED);
    }
    return kept(earlier.placement()).stream()
        .flatMap(kept -> states.stream().map(kept::with))
        .distinct()
        .map(this::plan)
        .filter(plan -> fits(plan, device))
        .findFirst();
  }

  /// An earlier layout with the activations kept that the setting says now.
  private List<Placement> kept(Placement had) {
    boolean canKeep =
        had.savedInputs() == SavedInputs.DEVICE && !had.streamed() && had.passes() == 1;
    return switch (config.get(Settings.RECOMPUTE)) {
      case ALL -> List.of(had.saving(SavedActivations.NONE));
      case NONE -> canKeep ? List.of(had.saving(SavedActivations.PROJECTIONS)) : List.of();
      case AUTO ->
          Stream.of(had.savedActivations(), SavedActivations.ATTENTION, SavedActivations.NONE)
              .filter(saved -> saved.compareTo(had.savedActivations()) <= 0)
              .limit(backend.isCpu() ? Long.MAX_VALUE : 1) // computed again they are the same there
              .map(had::saving)
              .toList();
    };
  }

  public boolean fits(MemoryPlan plan, long device) {
    return needed(plan) <= device;
  }

  /// Bytes of the device's memory that a layout has to find free. On the CPU that is all but Java
  /// and the libraries, which are there already. The base counts too: its pages can be given back,
  /// but are wanted again at once.
  public long needed(MemoryPlan plan) {
    return backend.isCpu() ? plan.process() - plan.hostOf(JAVA) : plan.device();
  }

  /// The layout that takes least of the device's memory.
  ///
  /// @param context tokens of a row
  public MemoryPlan smallest(int context) {
    return smallestCandidates(context).stream()
        .map(this::plan)
        .min(Comparator.comparingLong(this::needed))
        .orElseThrow();
  }

  /// The layouts that are tried last: no other takes less than all of them. On the CPU a streamed
  /// layout's inputs lie in the same memory, so that the one before may take less.
  private List<Placement> smallestCandidates(int context) {
    List<Placement> all = candidates(context);
    return all.subList(Math.max(0, all.size() - (backend.isCpu() ? 3 : 2)), all.size()).reversed();
  }

  /// Why nothing fits, and what to change.
  ///
  /// @param device bytes there are in the device's memory
  public String advice(long device) {
    return advice(smallest(config.get(Settings.CONTEXT)), longestContext(device), device);
  }

  /// As [#advice(long)].
  ///
  /// @param least as [#smallest] gives it
  /// @param longest as [#longestContext] gives it
  public String advice(MemoryPlan least, int longest, long device) {
    MemoryPlan.PlanItem largest =
        least.items().stream()
            .max(Comparator.comparingLong(MemoryPlan.PlanItem::device))
            .orElseThrow();
    return String.format(
        Locale.ROOT,
        "memory: this run needs at least %.3f GB of %s's memory at context %,d, and there are %.3f"
            + " GB%s; most of it is for: %s, %.3f GB. %s",
        needed(least) / 1e9,
        backend.device().name(),
        config.get(Settings.CONTEXT),
        device / 1e9,
        limit().map(limit -> " within " + limit).orElse(""),
        largest.what(),
        largest.device() / 1e9,
        longest > 0
            ? String.format(Locale.ROOT, "A --context of up to %,d fits", longest)
            : "Take a smaller --rank, fewer --target matrices, a smaller base or more memory");
  }

  /// The longest row that fits, in multiples of 256 tokens and to within a sixteenth, or 0. It
  /// isn't longer than [#LONGEST_USUAL], unless the run's own context is.
  ///
  /// @param device bytes there are in the device's memory
  public int longestContext(long device) {
    int step = 256;
    int sought = config.get(Settings.CONTEXT) > LONGEST_USUAL ? LONGEST_SOUGHT : LONGEST_USUAL;
    int most = Math.max(1, Math.min(model.contextLength(), sought) / step);
    return step * new ContextSearch(most, device, n -> least(n * step, device)).longest();
  }

  /// Bytes that the smallest layout takes, or the first of the smallest ones that fits or is far
  /// too large. Empty where a row has too many tokens.
  private OptionalLong least(int context, long device) {
    long hiddenState = (long) context * model.hidden() * Float.BYTES; // of one row
    if ((long) config.get(Settings.BATCH_SIZE) * context > Settings.MOST_TOKENS
        || hiddenState > device) {
      return OptionalLong.empty();
    }
    OptionalLong least = OptionalLong.empty();
    for (Placement placement : smallestCandidates(context)) {
      try {
        long bytes = needed(plan(placement));
        if (bytes <= device || bytes > FAR_TOO_LARGE * device) {
          return OptionalLong.of(bytes);
        }
        least = OptionalLong.of(Math.min(bytes, least.orElse(bytes)));
      } catch (InvalidInputException _) {
        // too many tokens for a graph
      }
    }
    return least;
  }

  /// Layouts in the order in which they are tried, those that cost least time first.
  private List<Placement> candidates(int context) {
    PassShape large =
        PassShape.choose(model, config.get(Settings.BATCH_SIZE), context, !backend.isSoftware());
    PassShape small = PassShape.small(model, config.get(Settings.BATCH_SIZE), context);
    boolean cpu = backend.isCpu();
    OptimizerState elsewhere = cpu ? OptimizerState.MAPPED : OptimizerState.HOST;
    SavedInputs away = cpu ? SavedInputs.DEVICE_BF16 : SavedInputs.HOST;
    int passes = passes(context);
    List<Placement> all = new ArrayList<>();
    Placement fastest = chosen(large, SavedInputs.DEVICE, OptimizerState.DEVICE, false, 1);
    Recompute recompute = config.get(Settings.RECOMPUTE);
    if (recompute != Recompute.ALL && fastest.savedInputs() == SavedInputs.DEVICE) {
      all.add(fastest.saving(SavedActivations.PROJECTIONS));
      all.add(fastest.with(elsewhere).saving(SavedActivations.PROJECTIONS));
      if (recompute == Recompute.NONE) {
        return all.stream().distinct().toList();
      }
      all.add(fastest.saving(SavedActivations.ATTENTION));
    }
    all.add(fastest);
    all.add(chosen(large.withoutCopies(), SavedInputs.DEVICE, OptimizerState.DEVICE, false, 1));
    all.add(chosen(small, SavedInputs.DEVICE, OptimizerState.DEVICE, false, 1));
    all.add(chosen(large, SavedInputs.DEVICE, elsewhere, false, 1));
    all.add(chosen(large, away, elsewhere, false, 1));
    all.add(chosen(small, away, elsewhere, false, 1));
    if (config.isForMerging()) {
      return all.stream().distinct().toList(); // rounded copies of all layers are kept anyway
    }
    // Forward itself goes on from what is saved when several batches take turns: F32 then.
    all.add(chosen(large, SavedInputs.HOST, elsewhere, true, passes));
    all.add(chosen(small, SavedInputs.HOST, elsewhere, true, passes));
    return all.stream().distinct().toList();
  }

  private Placement chosen(
      PassShape shape, SavedInputs inputs, OptimizerState state, boolean streamed, int passes) {
    return new Placement(
        shape,
        config.find(Settings.SAVED_INPUTS).orElse(inputs),
        config.find(Settings.OPTIMIZER_STATE).orElse(state),
        streamed,
        passes);
  }

  /// Batches of a step; without a setting, as many as [TrainingConfig#accumulateFor] takes at most.
  private int passes(int context) {
    int tokens = config.get(Settings.BATCH_SIZE) * context;
    return config
        .find(Settings.ACCUMULATE)
        .orElse(Math.max(1, Integer.highestOneBit(TrainingConfig.DEFAULT_STEP_TOKENS / tokens)));
  }

  public MemoryPlan plan(Placement placement) {
    if (placement.shape().attentionBlocks() > Graph.MOST_TENSORS / TENSORS_OF_A_BLOCK) {
      // Building the graph up to its limit would take seconds.
      throw new InvalidInputException(tooLarge(placement, "a graph has too many tensors"));
    }
    TrainingSetup.Request request =
        new TrainingSetup.Request(
            adapter,
            placement,
            List.of(), // shorter rows are computed in the memory of the longest
            config.get(Settings.PRECISION),
            config.get(Settings.DROPOUT),
            config.adamW(),
            config.isForMerging(),
            config.keepsBase(),
            config.get(Settings.RUN));
    try (TrainingSetup setup = new TrainingSetup(base, backend, request, (_, _) -> {})) {
      return new MemoryPlan(placement, items(setup, placement), backend.isSoftware());
    } catch (GgmlException e) {
      // Nothing is allocated here, so it is the graph that can't be built.
      throw new InvalidInputException(tooLarge(placement, e.getMessage()), e);
    }
  }

  private String tooLarge(Placement placement, String why) {
    return "batch-size: %s rows of %s tokens can't be computed at once: %s. Take a smaller --batch-size or --context"
        .formatted(config.get(Settings.BATCH_SIZE), placement.shape().context(), why);
  }

  private List<MemoryPlan.PlanItem> items(TrainingSetup setup, Placement placement) {
    BaseWeights weights = setup.weights();
    ModelMemory pass = setup.model().memory();
    AdamW optimizer = setup.optimizer();
    List<MemoryPlan.PlanItem> items = new ArrayList<>();
    ProcessMemory.now()
        .ifPresent(now -> items.add(new MemoryPlan.PlanItem(JAVA, 0, own(now) + GROWTH, 0)));
    items.add(
        new MemoryPlan.PlanItem(
            placement.streamed() ? "base, two layers at a time" : "base",
            weights.bytes(),
            0,
            backend.isCpu() ? weights.mappedBytes() : bytesOfBase()));
    items.add(new MemoryPlan.PlanItem("adapter and its gradients", setup.lora().bytes(), 0, 0));
    items.add(
        new MemoryPlan.PlanItem(
            "optimizer", optimizer.deviceBytes(), optimizer.hostBytes(), optimizer.mappedBytes()));
    long state = stateBytes(setup);
    items.add(new MemoryPlan.PlanItem("a checkpoint's copy of the state", 0, state, state));
    items.add(new MemoryPlan.PlanItem("the finished adapter", 0, state / 3, 0));
    items.add(
        new MemoryPlan.PlanItem(
            "saved layer inputs", pass.hiddenStates(), pass.hiddenStatesOnHost(), 0));
    if (config.keepsBase()) {
      long states = (long) NeutralData.mostTokens(config) * model.hidden() * Float.BYTES;
      items.add(new MemoryPlan.PlanItem("the base's states of neutral texts", 0, states, 0));
    }
    if (Method.CONTRASTIVE.isOf(config)) {
      long states = (long) placement.shape().tokens() * model.hidden() * Float.BYTES;
      items.add(new MemoryPlan.PlanItem("states to compare, and their gradient", 0, 4 * states, 0));
    }
    if (pass.activations() > 0) {
      items.add(new MemoryPlan.PlanItem("saved activations", pass.activations(), 0, 0));
    }
    if (pass.folded() > 0) {
      items.add(
          new MemoryPlan.PlanItem("weights with the adapter rounded in", pass.folded(), 0, 0));
    }
    items.add(new MemoryPlan.PlanItem("batch, masks and constants", pass.inputs(), 0, 0));
    items.add(new MemoryPlan.PlanItem("activations of a layer or the head", pass.scratch(), 0, 0));
    if (pass.libraryScratch() > 0) {
      items.add(
          new MemoryPlan.PlanItem("scratch of the device's library", pass.libraryScratch(), 0, 0));
    }
    items.addAll(ofDriver(Float.BYTES * setup.lora().count(), placement.shape().tokens()));
    if (sends) {
      long sent = 2 * Float.BYTES * setup.lora().count();
      items.add(
          new MemoryPlan.PlanItem("parameters and gradients sent, and Spark", 0, sent + SPARK, 0));
    }
    int prompts = prompts();
    if (prompts > 0) {
      long bytes = new SampleMemory(model, prompts, config.get(Settings.CONTEXT)).bytes();
      items.add(new MemoryPlan.PlanItem("answers to samples", 0, bytes, 0));
    }
    return items;
  }

  private int prompts() {
    try {
      return SampleSource.prompts(config.get(Settings.SAMPLE)).size();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Bytes of the file's tensors, which are mapped.
  private long bytesOfBase() {
    return base.tensors().stream().mapToLong(GgufTensor::bytes).sum();
  }

  /// The buffer of copies between host and device, and the driver's memory.
  ///
  /// @param parameters bytes of all parameters, which are copied at once
  /// @param tokens of a pass
  private List<MemoryPlan.PlanItem> ofDriver(long parameters, int tokens) {
    List<MemoryPlan.PlanItem> items = new ArrayList<>();
    boolean software = backend.isSoftware();
    // A driver's memory that is in this process is written directly, and only read by copies.
    long uploaded =
        software ? 0 : base.tensors().stream().mapToLong(GgufTensor::bytes).max().orElse(0);
    long staging = backend.stagingBytes(Math.max(parameters, uploaded));
    if (staging > 0) {
      items.add(new MemoryPlan.PlanItem("copies to and from the device", 0, staging, 0));
    }
    if (software && !backend.isCpu()) {
      long kernels = tokens > FEW_COLUMNS ? LARGE_KERNELS : 0;
      items.add(
          new MemoryPlan.PlanItem("the software device's driver", 0, SOFTWARE_DRIVER + kernels, 0));
    }
    return items;
  }

  /// Parameters and moments, which are copied in memory and written from there.
  private static long stateBytes(TrainingSetup setup) {
    return (1 + setup.optimizer().state().size()) * Float.BYTES * setup.lora().count();
  }
}
