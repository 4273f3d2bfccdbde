package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.CausalConvolution;
import io.lorikeet.models.autodiff.DeltaNet;
import io.lorikeet.models.autodiff.GraphKernels;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.RopeFactors;
import io.lorikeet.models.family.StateConfig;
import io.lorikeet.models.family.Temperature;
import io.lorikeet.quant.GgufFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The inputs of a pass besides weights and hidden states: the batch, constants, dropout's random
/// numbers.
final class PassInputs implements AutoCloseable {
  /// Divisors of frequencies where pairs stand still.
  static final String ROPE_FACTORS = "rope_factors";

  /// Dropout's windows begin at one of this many places, 256 bytes apart.
  private static final int DROPOUT_WINDOWS = 4096;

  private static final int DROPOUT_STEP = 64;

  /// Tokens that a delta net or a state space takes at a time, as llama.cpp does.
  private static final int CHUNK = 64;

  private final DeviceTensors tensors;
  private final PassShape shape;
  private final int vocabulary;
  private final int embedding;
  private final double dropout;
  private final boolean activated;
  private final int window;
  private final boolean masks;
  private final @Nullable Temperature temperature;

  /// Places behind a token for which convolutions ask whether its example goes on; 0 without any.
  private final int followed;

  /// Tokens that [Objective.Distributions] list at each place; 0 without such.
  private final int listed;

  private final @Nullable TokenInputs tokenInputs;

  /// @param base the open file, which embeddings for each layer stay in
  /// @param activated whether the adapter acts on some tokens only
  PassInputs(
      Backend backend, GgufFile base, ModelConfig config, ModelOptions options, boolean activated) {
    this.activated = activated;
    shape = options.shape();
    dropout = options.training() ? options.dropout() : 0;
    listed = options.listed();
    embedding = config.hidden();
    vocabulary = config.vocabulary();
    int tokens = shape.tokens();
    window = config.window();
    temperature = config.temperature();
    List<Spec> specs = new ArrayList<>();
    specs.add(new Spec("tokens", TensorType.I32, Shape.of(tokens)));
    specs.add(new Spec("positions", TensorType.I32, Shape.of(tokens)));
    specs.add(new Spec("seen_until", TensorType.F32, Shape.of(tokens)));
    if (window > 0) {
      specs.add(new Spec("seen_in_window", TensorType.F32, Shape.of(tokens)));
    }
    masks =
        shape.attentionBlock() >= shape.context()
            && GraphKernels.areOfGgml(backend, options.precision());
    if (masks) {
      Shape ofMask = Shape.of((long) tokens * shape.context());
      specs.add(new Spec(mask(false), TensorType.F32, ofMask));
      if (window > 0) {
        specs.add(new Spec(mask(true), TensorType.F32, ofMask));
      }
    }
    if (temperature != null) {
      specs.add(new Spec("temperatures", TensorType.F32, Shape.of(1, 1, tokens)));
    }
    RopeParameters rope = config.stillPairs().isEmpty() ? null : config.rope().orElse(null);
    if (rope != null) {
      specs.add(new Spec(ROPE_FACTORS, TensorType.F32, Shape.of(rope.dimensions() / 2)));
    }
    int experts = config.experts() == null ? 0 : config.experts().count();
    if (experts > 0) {
      specs.add(new Spec("expert_identity", TensorType.F32, Shape.of(experts, experts)));
    }
    followed = config.states().mapToInt(state -> Math.max(1, state.kernel() - 1)).max().orElse(0);
    boolean chunks = config.states().anyMatch(StateConfig::isChunked);
    if (chunks) {
      specs.add(new Spec("chunk_sums", TensorType.F32, Shape.of(CHUNK, CHUNK + 1, CHUNK)));
      specs.add(new Spec("chunk_identity", TensorType.F32, Shape.of(CHUNK, CHUNK)));
    }
    if (followed > 0) {
      specs.add(new Spec("follows", TensorType.F32, Shape.of(tokens, followed)));
    }
    specs.add(new Spec("labels", TensorType.I32, Shape.of(tokens)));
    specs.add(new Spec("flat_labels", TensorType.I32, Shape.of(tokens)));
    specs.add(new Spec("target_weights", TensorType.F32, Shape.of(tokens)));
    if (listed > 0) {
      Shape ofListed = Shape.of((long) listed * tokens);
      specs.add(new Spec("listed", TensorType.I32, ofListed));
      specs.add(new Spec("excess", TensorType.F32, ofListed));
      specs.add(new Spec("rest", TensorType.F32, Shape.of(tokens)));
    }
    if (options.diverges()) {
      specs.add(new Spec("base_hidden", TensorType.F32, Shape.of(embedding, tokens)));
    }
    specs.add(new Spec("indices", TensorType.F32, Shape.of(shape.context())));
    int inputRows = config.tokenInputs() == 0 ? 0 : Math.multiplyExact(tokens, config.layers());
    int mostRows = Math.max(config.mostRows(), Math.max(tokens, inputRows));
    specs.add(new Spec("row_numbers", TensorType.I32, Shape.of(mostRows)));
    if (activated) {
      specs.add(new Spec("adapted", TensorType.F32, Shape.of(tokens)));
    }
    if (dropout > 0) {
      long size = (long) config.widestInput() * tokens + (long) DROPOUT_WINDOWS * DROPOUT_STEP;
      specs.add(new Spec("dropout", TensorType.F32, Shape.of(size)));
    }
    tensors = DeviceTensors.allocate(backend, specs);
    get("row_numbers").upload(IntStream.range(0, mostRows).toArray());
    if (rope != null) {
      get(ROPE_FACTORS)
          .upload(RopeFactors.standingStill(config.stillPairs(), rope.dimensions() / 2));
    }
    if (experts > 0) {
      get("expert_identity").upload(identity(experts));
    }
    if (chunks) {
      get("chunk_sums").upload(DeltaNet.sumsOfChunk(CHUNK));
      get("chunk_identity").upload(identity(CHUNK));
    }
    float[] indices = new float[shape.context()];
    for (int i = 0; i < indices.length; i++) {
      indices[i] = i;
    }
    get("indices").upload(indices);
    tokenInputs = config.tokenInputs() == 0 ? null : new TokenInputs(base, config, tokens, backend);
  }

  /// As [CausalConvolution] takes it.
  private float[] follows(TokenBatch batch) {
    float[] follows = new float[shape.tokens() * followed];
    for (int s = 1; s <= followed; s++) {
      for (int i = 0; i < batch.size(); i++) {
        boolean goesOn = batch.seenUntil()[i] >= i % batch.context() + s;
        follows[(s - 1) * shape.tokens() + i] = goesOn ? 1 : 0;
      }
    }
    return follows;
  }

  /// 1 for tokens that the adapter acts on, else 0.
  private float[] adapted(TokenBatch batch) {
    float[] adapted = new float[shape.tokens()];
    for (int i = 0; i < batch.size(); i++) {
      adapted[i] = batch.adapted()[i] ? 1 : 0;
    }
    return adapted;
  }

  private static float[] identity(int size) {
    float[] matrix = new float[Math.multiplyExact(size, size)];
    for (int i = 0; i < size; i++) {
      matrix[i * size + i] = 1;
    }
    return matrix;
  }

  /// The name of the last queries that see each key.
  ///
  /// @param windowed as far as a window reaches
  static String seen(boolean windowed) {
    return windowed ? "seen_in_window" : "seen_until";
  }

  /// The name of attention's mask, which [MaskGraph] computes.
  static String mask(boolean windowed) {
    return windowed ? "mask_of_window" : "mask";
  }

  /// Whether there are masks: where a row's attention is computed as a whole, by ggml.
  boolean hasMasks() {
    return masks;
  }

  /// Whether some layers' attention has a window.
  boolean hasWindow() {
    return window > 0;
  }

  Tensor get(String name) {
    return tensors.get(name);
  }

  /// The embeddings that each token has for each layer.
  TokenInputs tokenInputs() {
    return Objects.requireNonNull(tokenInputs, "the base has such embeddings");
  }

  long bytes() {
    return tensors.bytes() + (tokenInputs == null ? 0 : tokenInputs.bytes());
  }

  boolean hasDropout() {
    return dropout > 0;
  }

  /// Whether the adapter acts on some tokens only.
  boolean isActivated() {
    return activated;
  }

  /// Uploads a batch, which may be shorter than the shape.
  void upload(TokenBatch batch) {
    int tokens = shape.tokens();
    float[] seenUntil = new float[tokens];
    float[] seenInWindow = new float[tokens];
    for (int i = 0; i < batch.size(); i++) {
      seenUntil[i] = batch.seenUntil()[i];
      seenInWindow[i] = Math.min(seenUntil[i], i % batch.context() + window - 1);
    }
    int[] positions = Arrays.copyOf(batch.positions(), tokens);
    get("tokens").upload(Arrays.copyOf(batch.tokens(), tokens));
    get("positions").upload(positions);
    get("seen_until").upload(seenUntil);
    if (window > 0) {
      get("seen_in_window").upload(seenInWindow);
    }
    if (temperature != null) {
      get("temperatures").upload(temperatures(temperature, positions));
    }
    if (followed > 0) {
      get("follows").upload(follows(batch));
    }
    if (activated) {
      get("adapted").upload(adapted(batch));
    }
    get("labels").upload(Arrays.copyOf(batch.targets(), tokens));
    get("flat_labels").upload(flat(batch.targets(), 1));
    uploadWeights(batch.targetWeights());
    if (tokenInputs != null) {
      tokenInputs.upload(batch.tokens());
    }
  }

  /// Uploads other weights of the batch's targets.
  void uploadWeights(float[] weights) {
    get("target_weights").upload(Arrays.copyOf(weights, shape.tokens()));
  }

  /// Checks that distributions are for a batch of that many places, and as long as they were said
  /// to be.
  void require(Objective.Distributions distributions, int places) {
    if (distributions.listed() != listed || distributions.rest().length != places) {
      throw new IllegalArgumentException(
          "this model takes distributions of %s tokens at each of %s places, not %s at %s"
              .formatted(listed, places, distributions.listed(), distributions.rest().length));
    }
    for (int token : distributions.tokens()) {
      if (token < 0 || token >= vocabulary) {
        throw new IllegalArgumentException(
            "token %s isn't in the vocabulary of %s".formatted(token, vocabulary));
      }
    }
  }

  /// Uploads what the batch's places are to predict instead of its targets.
  void upload(Objective.Distributions distributions) {
    float[] excess = distributions.probabilities().clone();
    for (int i = 0; i < excess.length; i++) {
      excess[i] -= distributions.rest()[i / listed];
    }
    get("listed").upload(flat(distributions.tokens(), listed));
    get("excess").upload(Arrays.copyOf(excess, listed * shape.tokens()));
    get("rest").upload(Arrays.copyOf(distributions.rest(), shape.tokens()));
  }

  /// Uploads the base's last hidden states of the batch.
  void upload(Objective.FromBase divergence) {
    float[] hidden = divergence.hidden();
    get("base_hidden").upload(Arrays.copyOf(hidden, embedding * shape.tokens()));
  }

  /// Where tokens stand in the logits of a chunk, seen as one long vector.
  ///
  /// @param ids some at each place of the batch
  /// @param each how many
  private int[] flat(int[] ids, int each) {
    int[] flat = new int[each * shape.tokens()];
    for (int i = 0; i < ids.length; i++) {
      flat[i] = ids[i] + vocabulary * (i / each % shape.headChunk());
    }
    return flat;
  }

  /// Elements that a vector has for each token.
  int perToken(String name) {
    return Math.toIntExact(get(name).shape().elements() / shape.tokens());
  }

  private static float[] temperatures(Temperature temperature, int[] positions) {
    float[] factors = new float[positions.length];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = temperature.at(positions[i]);
    }
    return factors;
  }

  /// Draws new dropout masks: each element is 0 with the probability of dropout, else 1 / (1 -
  /// dropout).
  void drawDropout(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float kept = (float) (1 / (1 - dropout));
    fillDropout(() -> random.nextDouble() < dropout ? 0 : kept);
  }

  /// Lets everything through, for evaluation.
  void suspendDropout() {
    fillDropout(() -> 1);
  }

  private void fillDropout(DoubleSupplier values) {
    if (!hasDropout()) {
      return;
    }
    float[] pool = new float[Math.toIntExact(get("dropout").shape().elements())];
    for (int i = 0; i < pool.length; i++) {
      pool[i] = (float) values.getAsDouble();
    }
    get("dropout").upload(pool);
  }

  /// Where in the pool the mask of an adapted matrix begins, in bytes. The same in forward and in
  /// its recomputation; different from matrix to matrix.
  static long dropoutOffset(String baseTensor) {
    long window = new SplittableRandom(baseTensor.hashCode()).nextInt(DROPOUT_WINDOWS);
    return window * DROPOUT_STEP * Float.BYTES;
  }

  @Override
  public void close() {
    if (tokenInputs != null) {
      tokenInputs.close();
    }
    tensors.close();
  }
}
