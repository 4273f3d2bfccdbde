package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.GraphMemory;
import io.lorikeet.bindings.OwnedResources;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.GraphKernels;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.RopeFactors;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.quant.GgufFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A frozen base with an adapter on a device, ready for batches of one shape, or of some lengths of
/// rows: logits, loss, and gradients of the adapter.
///
/// Forward keeps each layer's input; backward computes a layer again from it, so that only one
/// layer's activations are in memory at a time. Results of attention and of projections can be kept
/// too, which saves computing the most expensive parts of a layer twice. All graphs are built here
/// once and share one scratch memory.
public final class TransformerModel implements AutoCloseable {
  private final Engine engine;
  private final boolean training;
  private final int passes;
  private final OwnedResources owned = new OwnedResources();
  private final GraphMemory memory;
  private final HiddenStates states;
  private final StepLosses losses;
  private final Map<Integer, PassGraphs> graphsByLength = new TreeMap<>();
  private final LayerPasses layers;

  /// Takes the logits of one token.
  @FunctionalInterface
  public interface LogitsChunkConsumer {
    /// @param token index of the token in the batch
    /// @param logits one for each token of the vocabulary; only valid during the call
    void accept(int token, float[] logits);
  }

  /// Builds the graphs and takes the memory they need.
  ///
  /// @param base the open file that `weights` were loaded from
  /// @param lora the adapter, or null to run the base alone
  public TransformerModel(
      GgufFile base,
      ModelConfig config,
      BaseWeights weights,
      @Nullable LoraParameters lora,
      Backend backend,
      ModelOptions options) {
    training = options.training();
    passes = options.passes();
    PassShape shape = options.shape();
    try {
      engine = newEngine(base, config, weights, lora, backend, options);
      Shape hidden = Shape.of(config.hidden(), shape.tokens());
      int kept = training ? config.layers() + 1 : 0;
      states =
          owned.add(
              new HiddenStates(backend, hidden, kept, options.passes(), options.savedInputs()));
      losses = owned.add(new StepLosses(backend, shape.tokens()));
      graphsByLength.put(shape.context(), owned.add(new PassGraphs(engine, options)));
      for (int length : options.shorter()) {
        Engine shorter = engine.with(shape.shorter(length));
        graphsByLength.put(length, owned.add(new PassGraphs(shorter, options)));
      }
      layers = new LayerPasses(engine, states, graphsByLength);
      memory = owned.add(new GraphMemory(backend));
      memory.allocate(bindForAllocation());
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private Engine newEngine(
      GgufFile base,
      ModelConfig config,
      BaseWeights weights,
      @Nullable LoraParameters lora,
      Backend backend,
      ModelOptions options) {
    PassShape shape = options.shape();
    boolean activated = lora != null && lora.invocation().isPresent();
    PassInputs inputs = owned.add(new PassInputs(backend, base, config, options, activated));
    Tensor factors =
        config.stillPairs().isEmpty()
            ? RopeFactors.choose(base, config, shape.context()).map(weights::get).orElse(null)
            : inputs.get(PassInputs.ROPE_FACTORS);
    FoldedWeights folded =
        options.folded() && lora != null ? owned.add(new FoldedWeights(base, lora, backend)) : null;
    ActivationStore activations =
        options.savedActivations() == SavedActivations.NONE
            ? null
            : owned.add(
                new ActivationStore(
                    backend,
                    config,
                    weights,
                    GraphKernels.areOfGgml(backend, options.precision()) ? lora : null,
                    options.savedActivations(),
                    shape.tokens()));
    SharedKeyValues shared =
        SharedKeyValues.areIn(config)
            ? owned.add(
                new SharedKeyValues(
                    backend,
                    config,
                    shape.tokens(),
                    options.training(),
                    options.passes(),
                    options.savedInputs().onDevice()))
            : null;
    return new Engine(
        backend,
        config,
        weights,
        lora,
        folded,
        shape,
        inputs,
        activations,
        shared,
        factors,
        options.precision());
  }

  private List<Graph> bindForAllocation() {
    List<Graph> graphs = new ArrayList<>(states.graphs());
    graphsByLength
        .values()
        .forEach(all -> graphs.addAll(all.bindForAllocation(states.state(0), losses.any())));
    return graphs;
  }

  /// Rounds the adapter as it is now into the weights it adapts, where the model was built for
  /// that: before the first pass, and whenever the adapter has changed. Elsewhere it does nothing.
  public void foldAdapter() {
    if (engine.folded() != null) {
      engine.folded().refresh();
    }
  }

  /// The losses of batches.
  ///
  /// @param losses of each batch: those of its places, in nats, without their weights; of any value
  ///     where the weight is 0
  /// @param other the number that was to be read with them
  public record Losses(List<float[]> losses, double other) {}

  /// The losses of a batch's places without dropout, as [Losses] has them.
  public float[] losses(TokenBatch batch) {
    requireTaken();
    forward(List.of(new Pass(batch, OptionalLong.empty())));
    layers.graphs(batch).runLoss(layers.last(), losses.next(batch.size()));
    return losses.take(null).losses().getFirst();
  }

  /// The hidden states `[embedding, places]` of a batch that the final norm takes, without dropout.
  public float[] lastHidden(TokenBatch batch) {
    requireTaken();
    forward(List.of(new Pass(batch, OptionalLong.empty())));
    return hidden(batch);
  }

  private float[] hidden(TokenBatch batch) {
    float[] states = layers.last().downloadFloats();
    return Arrays.copyOf(states, batch.size() * engine.config().hidden());
  }

  /// The loss of a batch without dropout, in nats, summed over its targets with their weights.
  public double loss(TokenBatch batch) {
    return batch.weighted(losses(batch));
  }

  /// The loss of a batch, in nats, summed over its targets with their weights; adds the gradient of
  /// that sum to the adapter's gradients.
  ///
  /// @param dropoutSeed seed of the masks, the same for the same batch of a repeated run
  public double lossAndGradients(TokenBatch batch, long dropoutSeed) {
    return lossesAndGradients(List.of(batch), new long[] {dropoutSeed})[0];
  }

  /// As [#lossAndGradients], of several batches.
  ///
  /// @return the loss of each
  public double[] lossesAndGradients(List<TokenBatch> batches, long[] dropoutSeeds) {
    requireTaken();
    addGradients(
        IntStream.range(0, batches.size())
            .mapToObj(i -> new Pass(batches.get(i), OptionalLong.of(dropoutSeeds[i])))
            .toList());
    List<float[]> all = losses.take(null).losses();
    return IntStream.range(0, all.size())
        .mapToDouble(i -> batches.get(i).weighted(all.get(i)))
        .toArray();
  }

  private void requireTaken() {
    if (!losses.isEmpty()) {
      throw new IllegalStateException("the losses of batches before weren't taken");
    }
  }

  /// Adds the gradient of each batch's loss to the adapter's gradients, as a sum of its own. The
  /// device may not have come to them when this returns; it is at most one call behind.
  /// [#takeLosses] gives the losses.
  public void addGradients(List<Pass> batches) {
    if (!training) {
      throw new IllegalStateException("this model was built without gradients");
    }
    for (int first = 0; first < batches.size(); first += passes) {
      List<Pass> together = batches.subList(first, Math.min(first + passes, batches.size()));
      forward(together);
      for (int i = 0; i < together.size(); i++) {
        headAndGradient(together, i);
      }
      layers.backward(together);
      engine.backend().pace();
    }
  }

  /// Waits for what [#addGradients] was asked for since the last call, and reads the losses of
  /// those batches, in their order.
  ///
  /// @param other F32 `[1]` in the device's memory that is read with them, so that the device is
  ///     only waited for once
  public Losses takeLosses(Tensor other) {
    return losses.take(other);
  }

  /// As [#takeLosses(Tensor)], with no number read besides.
  public Losses takeLosses() {
    return losses.take(null);
  }

  /// A batch on its way through the layers.
  ///
  /// @param dropoutSeed seed of the masks, the same for the same batch of a repeated run; none for
  ///     no dropout
  /// @param objective where its gradient comes from
  public record Pass(TokenBatch batch, OptionalLong dropoutSeed, Objective objective) {
    public Pass(TokenBatch batch, OptionalLong dropoutSeed) {
      this(batch, dropoutSeed, Objective.TARGETS);
    }
  }

  private void headAndGradient(List<Pass> together, int i) {
    layers.resume(together, i, engine.config().layers());
    TokenBatch batch = together.get(i).batch();
    PassGraphs graphs = layers.graphs(batch);
    Tensor batchLosses = losses.next(batch.size());
    switch (together.get(i).objective()) {
      case Objective.OfTargets _ ->
          graphs.runGradients(layers.last(), states.gradient(), batchLosses);
      case Objective.OfLosses objective -> {
        graphs.runLoss(layers.last(), batchLosses);
        float[] all = batchLosses.downloadFloats();
        engine.inputs().uploadWeights(objective.derivatives(Arrays.copyOf(all, batch.size())));
        graphs.runGradients(layers.last(), states.gradient(), batchLosses);
        batchLosses.upload(all); // the second pass leaves out those whose derivative is 0
      }
      case Objective.OfHidden objective -> {
        Objective.HiddenLosses computed = objective.at(hidden(batch));
        batchLosses.upload(MemorySegment.ofArray(computed.losses()), 0);
        states.gradient().upload(MemorySegment.ofArray(computed.gradient()), 0);
      }
      case Objective.Distributions objective -> {
        engine.inputs().upload(objective);
        graphs.runGradientsOfDistributions(layers.last(), states.gradient(), batchLosses);
      }
      case Objective.FromBase objective -> {
        engine.inputs().upload(objective);
        graphs.runGradientsOfDivergence(layers.last(), states.gradient(), batchLosses);
      }
    }
    if (together.size() > 1) {
      states.saveGradient(i);
    }
  }

  /// The logits of every token of a batch, without dropout.
  public void logits(TokenBatch batch, LogitsChunkConsumer consumer) {
    forward(List.of(new Pass(batch, OptionalLong.empty())));
    List<LogitsHead> heads = layers.graphs(batch).logitsHeads();
    int chunk = heads.getFirst().tokens();
    int tokens = layers.graphs(batch).shape().tokens();
    int vocabulary = engine.config().vocabulary();
    float[] row = new float[vocabulary];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(heads.getFirst().logits().bytes(), Float.BYTES);
      for (int first = 0; first < tokens; first += chunk) {
        LogitsHead head = tokens - first >= chunk ? heads.getFirst() : heads.getLast();
        head.run(first, layers.last());
        head.logits().download(copy.asSlice(0, head.logits().bytes()), 0);
        for (int i = 0; i < head.tokens(); i++) {
          long start = (long) i * vocabulary;
          MemorySegment.copy(copy, ValueLayout.JAVA_FLOAT, start * Float.BYTES, row, 0, vocabulary);
          consumer.accept(first + i, row);
        }
      }
    }
  }

  private void forward(List<Pass> together) {
    together.forEach(this::check);
    layers.forward(together);
  }

  private void check(Pass pass) {
    TokenBatch batch = pass.batch();
    PassShape shape = engine.shape();
    if (batch.rows() != shape.rows() || !graphsByLength.containsKey(batch.context())) {
      throw new IllegalArgumentException(
          "this model takes %s rows of one of %s tokens, not %s of %s"
              .formatted(shape.rows(), graphsByLength.keySet(), batch.rows(), batch.context()));
    }
    int reach = engine.config().reach();
    if (reach > 0 && reach < batch.context() && batch.branches()) {
      throw new IllegalArgumentException(
          "examples can't share tokens where layers see only " + reach + " by their positions");
    }
    if (pass.objective() instanceof Objective.Distributions distributions) {
      engine.inputs().require(distributions, batch.size());
    }
    if (pass.objective() instanceof Objective.FromBase(float[] hidden)
        && hidden.length != batch.size() * engine.config().hidden()) {
      throw new IllegalArgumentException(
          "%s numbers aren't the hidden states of %s places"
              .formatted(hidden.length, batch.size()));
    }
    int vocabulary = engine.config().vocabulary();
    for (int i = 0; i < batch.size(); i++) {
      if (Math.min(batch.tokens()[i], batch.targets()[i]) < 0
          || Math.max(batch.tokens()[i], batch.targets()[i]) >= vocabulary) {
        throw new IllegalArgumentException(
            "token %s or %s isn't in the vocabulary of %s"
                .formatted(batch.tokens()[i], batch.targets()[i], vocabulary));
      }
    }
  }

  /// Batches that go through a layer before the next one's turn.
  public int passes() {
    return passes;
  }

  /// Where a batch first gives a value that is no finite number: the embedding, a layer, or else
  /// the head. Computes it again.
  ///
  /// @param dropoutSeed as it was computed with; none for no dropout
  public String firstNonFinite(TokenBatch batch, OptionalLong dropoutSeed) {
    forward(List.of(new Pass(batch, dropoutSeed)));
    for (int boundary = 0; training && boundary <= engine.config().layers(); boundary++) {
      float[] values = states.restore(0, boundary).downloadFloats();
      int used = batch.size() * engine.config().hidden();
      for (int i = 0; i < used; i++) {
        if (!Float.isFinite(values[i])) {
          return boundary == 0 ? "the embedding" : "layer " + (boundary - 1);
        }
      }
    }
    return "the head";
  }

  public ModelConfig config() {
    return engine.config();
  }

  /// The adapter.
  ///
  /// @throws IllegalStateException where the base runs alone
  public LoraParameters lora() {
    return engine.adapter();
  }

  /// The memory of this model's passes.
  public ModelMemory memory() {
    SharedKeyValues shared = engine.sharedKeyValues();
    return new ModelMemory(
        states.deviceBytes() + (shared == null ? 0 : shared.deviceBytes()),
        states.hostBytes() + (shared == null ? 0 : shared.hostBytes()),
        engine.activations() == null ? 0 : engine.activations().bytes(),
        engine.inputs().bytes() + losses.bytes(),
        engine.folded() == null ? 0 : engine.folded().bytes(),
        memory.bytes(),
        memory.scratchBytes());
  }

  @Override
  public void close() {
    owned.close();
  }
}
