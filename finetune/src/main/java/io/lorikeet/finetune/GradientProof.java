package io.lorikeet.finetune;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.OwnedResources;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelOptions;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraMatrix;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.models.lora.LoraTargets;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.Activation;
import io.lorikeet.train.data.BatchPlan;
import io.lorikeet.train.data.TextEncoding;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.run.ComputationChoice;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;

/// The gradients of one micro-batch of a run's data, computed as the run would compute them, held
/// against the CPU with all layers in memory and products in F32. A right forward pass says nothing
/// about them.
///
/// @param device the device's name
/// @param placement how the run would be laid out in memory
/// @param targets tokens with loss in the batch
/// @param loss mean loss of a token, in nats
/// @param rightLoss the same on the CPU
/// @param pairs all adapted weights
/// @param limit relative difference that rounding explains
@Beta
public record GradientProof(
    String device,
    Placement placement,
    long targets,
    double loss,
    double rightLoss,
    List<GradientPair> pairs,
    double limit) {
  /// Between two ways to compute with F32 products there is only the order of sums.
  private static final double LIMIT_OF_F32 = 0.01;

  /// Products of factors with eight bits, or ten, differ by a few hundredths; a sign, a scale or a
  /// layer that is wrong by far more.
  private static final double LIMIT = 0.1;

  /// New adapters have B = 0, with which no gradient reaches A.
  private static final double LARGEST_OF_B = 0.02;

  public GradientProof {
    pairs = List.copyOf(pairs);
  }

  /// Relative differences `‖g - right‖ / ‖right‖` of the gradients of A and B.
  public record GradientPair(String baseTensor, double a, double b) {
    /// The larger one; NaN where one is.
    public double worst() {
      return Math.max(a, b);
    }
  }

  /// Gradients of the matrices of each adapted weight, of the sum of losses.
  record PairGradients(double loss, Map<String, List<float[]>> matrices) {}

  /// Whether rounding explains all differences.
  public boolean passes() {
    return isSmall(Math.abs(loss - rightLoss) / rightLoss)
        && pairs.stream().allMatch(pair -> isSmall(pair.worst()));
  }

  private boolean isSmall(double difference) {
    return difference <= limit; // false for NaN
  }

  /// Computes both.
  ///
  /// @param config of the run; `init-adapter`, if it is given, is the adapter, or else one with
  ///     random numbers. Its folder is not made, and it needs no output
  /// @throws InvalidInputException when the base, the data or the settings can't be used
  public static GradientProof of(TrainingConfig config, TrainingListener listener)
      throws IOException {
    try (GgufFile base = GgufFile.open(config.get(Settings.MODEL))) {
      ModelConfig model = ModelConfig.of(base);
      LoraAdapter adapter = adapter(config, base, model);
      TokenBatch batch = batch(config, base, model, listener);
      ComputationChoice choice = new ComputationChoice(config, Optional.empty(), false, listener);
      String device;
      Placement placement;
      PairGradients tested;
      try (Backend backend = choice.open(Backend::open)) {
        placement = choice.plan(base, backend, on -> LoraParameters.of(adapter, on)).placement();
        device = backend.device().name();
        listener.on(new TrainingEvent.Progress("gradients on " + device, 0, 2));
        tested = compute(base, backend, placement, config.get(Settings.PRECISION), adapter, batch);
      }
      listener.on(new TrainingEvent.Progress("gradients on the CPU in F32", 1, 2));
      PairGradients right = reference(config, base, adapter, batch);
      boolean exact = config.get(Settings.PRECISION) == Precision.F32;
      return compare(device, placement, batch, tested, right, exact ? LIMIT_OF_F32 : LIMIT);
    }
  }

  /// The gradients on the CPU with F32 products.
  static PairGradients reference(
      TrainingConfig config, GgufFile base, LoraAdapter adapter, TokenBatch batch) {
    PassShape shape = PassShape.choose(ModelConfig.of(base), batch.rows(), batch.context());
    try (Backend cpu =
        Backend.open("cpu", config.get(Settings.THREADS), Optional.of(ProductFormat.GGML))) {
      return compute(
          base,
          cpu,
          Placement.onDevice(shape, SavedActivations.NONE),
          Precision.F32,
          adapter,
          batch);
    }
  }

  static GradientProof compare(
      String device,
      Placement placement,
      TokenBatch batch,
      PairGradients tested,
      PairGradients right,
      double limit) {
    List<GradientPair> pairs = new ArrayList<>();
    right
        .matrices()
        .forEach(
            (name, matrices) -> {
              List<float[]> own = Objects.requireNonNull(tested.matrices().get(name), name);
              pairs.add(
                  new GradientPair(
                      name,
                      difference(own.getFirst(), matrices.getFirst()),
                      difference(own.getLast(), matrices.getLast())));
            });
    double targets = batch.targetCount();
    return new GradientProof(
        device,
        placement,
        Math.round(targets),
        tested.loss() / targets,
        right.loss() / targets,
        pairs,
        limit);
  }

  private static double difference(float[] own, float[] right) {
    double apart = 0;
    double size = 0;
    for (int i = 0; i < right.length; i++) {
      double d = (double) own[i] - right[i];
      apart += d * d;
      size += (double) right[i] * right[i];
    }
    return apart == 0 ? 0 : Math.sqrt(apart / size);
  }

  static LoraAdapter adapter(TrainingConfig config, GgufFile base, ModelConfig model)
      throws IOException {
    Optional<Path> given = config.find(Settings.INIT_ADAPTER);
    if (given.isPresent()) {
      LoraAdapter adapter = AdapterFile.read(given.get(), base).adapter();
      LoraTargets.requireTrainable(adapter, model, "adapter");
      return adapter;
    }
    SplittableRandom random = new SplittableRandom(config.get(Settings.SEED));
    try (Backend cpu = Backend.open("cpu", 1);
        LoraParameters created =
            LoraParameters.create(
                base, model, config.adapter().activatedBy(Activation.of(config, base)), cpu)) {
      LoraAdapter empty = created.toAdapter();
      List<LoraPair> pairs =
          empty.pairs().stream().map(pair -> pair.with(matrix -> filled(matrix, random))).toList();
      return new LoraAdapter(empty.architecture(), empty.alpha(), pairs, empty.invocation());
    }
  }

  private static float[] filled(LoraMatrix matrix, SplittableRandom random) {
    float[] values = matrix.values().clone();
    for (int i = 0; i < values.length; i++) {
      if (values[i] == 0) {
        values[i] = (float) random.nextDouble(-LARGEST_OF_B, LARGEST_OF_B);
      }
    }
    return values;
  }

  /// The first micro-batch of the run.
  static TokenBatch batch(
      TrainingConfig config, GgufFile base, ModelConfig model, TrainingListener listener)
      throws IOException {
    try (Tokenizer tokenizer = Tokenizer.open(base);
        TrainingData data =
            TrainingData.load(
                new DataSettings(config, model.reach()),
                TextEncoding.of(tokenizer, config.find(Settings.CHAT_TEMPLATE)),
                listener)) {
      return new BatchPlan(
              data.training(), config.get(Settings.BATCH_SIZE), 1, config.get(Settings.SEED))
          .step(1)
          .getFirst()
          .tokens();
    }
  }

  /// Where batches take turns in a layer, the batch does so with itself.
  static PairGradients compute(
      GgufFile base,
      Backend backend,
      Placement placement,
      Precision precision,
      LoraAdapter adapter,
      TokenBatch batch) {
    boolean isShorter = batch.context() < placement.shape().context();
    ModelOptions options =
        new ModelOptions(
            placement.shape(),
            isShorter ? List.of(batch.context()) : List.of(),
            precision,
            true,
            0,
            placement.savedInputs(),
            placement.savedActivations(),
            placement.passes(),
            false,
            0,
            false);
    int copies = Math.min(2, placement.passes());
    try (OwnedResources owned = new OwnedResources()) {
      BaseWeights weights =
          owned.add(
              placement.streamed()
                  ? BaseWeights.stream(base, backend, (_, _) -> {})
                  : BaseWeights.load(base, backend, (_, _) -> {}));
      LoraParameters lora = owned.add(LoraParameters.of(adapter, backend));
      TransformerModel model =
          owned.add(
              new TransformerModel(base, ModelConfig.of(base), weights, lora, backend, options));
      double[] losses =
          model.lossesAndGradients(Collections.nCopies(copies, batch), new long[copies]);
      Map<String, List<float[]>> matrices = new LinkedHashMap<>();
      for (LoraSlot slot : lora.slots()) {
        List<float[]> both = LoraParameters.read(lora.gradients(), slot);
        both.forEach(matrix -> divide(matrix, copies));
        matrices.put(slot.baseTensor(), both);
      }
      return new PairGradients(losses[0], matrices);
    }
  }

  private static void divide(float[] matrix, int by) {
    for (int i = 0; i < matrix.length; i++) {
      matrix[i] /= by;
    }
  }
}
