package io.lorikeet.models.testing;

import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/// The llama architecture in `double` and plain Java, forward and backward, to compare everything
/// else with. Slow: for models of a few million weights at most.
///
/// Weights are by GGUF tensor name, in GGUF order: `[ne1][ne0]`. Source of the architecture:
/// llama.cpp's `src/models/llama.cpp`; of adapters: `build_lora_mm` and `build_inp_embd` in its
/// `src/llama-graph.cpp`.
public final class ReferenceModel {
  private static final Pattern KNOWN_TENSORS =
      Pattern.compile(
          "(token_embd|output|output_norm|rope_freqs|blk\\.\\d+\\.(attn|ffn)_norm)\\.weight"
              + "|blk\\.\\d+\\.(attn_(q|k|v|output)|ffn_(gate|up|down))\\.(weight|bias)");
  private static final String EMBEDDING = "token_embd.weight";

  private final ReferenceConfig config;
  private final Map<String, double[]> weights;
  private final ReferenceRope rope;

  public ReferenceModel(ReferenceConfig config, Map<String, double[]> weights) {
    this.config = config;
    this.weights = Map.copyOf(weights);
    this.rope =
        new ReferenceRope(config.rope(), config.headSize(), weights.get("rope_freqs.weight"));
  }

  /// The model of a file, its weights dequantized; the file may be closed afterwards.
  public static ReferenceModel of(GgufFile file) {
    Map<String, double[]> weights = new HashMap<>();
    for (GgufTensor tensor : file.tensors()) {
      if (!KNOWN_TENSORS.matcher(tensor.name()).matches()) {
        throw new IllegalArgumentException(
            "the reference doesn't know what to do with " + tensor.name());
      }
      weights.put(tensor.name(), Dequantized.doubles(file, tensor.name()));
    }
    return new ReferenceModel(ReferenceConfig.of(file), weights);
  }

  /// The results of a run.
  ///
  /// @param loss cross-entropy in nats, summed over the target weights
  /// @param logits `[token][vocabulary]`
  /// @param gradients of the loss with respect to each pair, by base tensor
  /// @param hidden the inputs of each layer and, last, of the final norm:
  ///     `[layers + 1][token * width]`
  /// @param hiddenGradients gradient of the loss with respect to each of `hidden`
  public record Result(
      double loss,
      double[][] logits,
      Map<String, ReferencePair> gradients,
      double[][] hidden,
      double[][] hiddenGradients) {}

  public ReferenceConfig config() {
    return config;
  }

  /// Forward and backward with adapters W + scaling * B A.
  public Result run(TokenBatch batch, List<LoraPair> pairs, double scaling) {
    return runWide(batch, pairs.stream().map(ReferencePair::of).toList(), scaling);
  }

  /// A loss of all logits, one token's `[vocabulary]` after the other.
  @FunctionalInterface
  public interface LogitsLoss {
    /// Returns the loss and leaves its gradient in the place of the logits.
    double replaceByGradient(double[] logits);
  }

  /// The same with adapters in `double`, as finite differences need them.
  public Result runWide(TokenBatch batch, List<ReferencePair> pairs, double scaling) {
    return runWide(batch, pairs, scaling, logits -> replaceByGradient(logits, batch));
  }

  /// The same with another loss.
  public Result runWide(
      TokenBatch batch, List<ReferencePair> pairs, double scaling, LogitsLoss logitsLoss) {
    ReferenceRun run = new ReferenceRun(weights, batch, pairs, scaling);
    ReferenceLayer[] layers = new ReferenceLayer[config.layers()];
    double[][] hidden = new double[layers.length + 1][];
    ReferencePair embeddingPair = run.takePair(EMBEDDING);
    hidden[0] = embed(run, embeddingPair);
    for (int i = 0; i < layers.length; i++) {
      layers[i] = new ReferenceLayer(config, run, rope, i);
      hidden[i + 1] = layers[i].forward(hidden[i]);
    }
    ReferenceLinear head = head(run, embeddingPair);
    run.checkAllPairsUsed();
    double[] norm = run.weight("output_norm.weight");
    double[] last = hidden[layers.length];
    double[] logits = head.forward(ReferenceMath.rmsNorm(last, norm, config.normEpsilon()));
    double[][] logitRows = rows(logits, config.vocabulary());
    double loss = logitsLoss.replaceByGradient(logits);

    double[][] hiddenGradients = new double[hidden.length][];
    hiddenGradients[layers.length] =
        ReferenceMath.rmsNormGradient(last, norm, config.normEpsilon(), head.backward(logits));
    for (int i = layers.length - 1; i >= 0; i--) {
      hiddenGradients[i] = layers[i].backward(hiddenGradients[i + 1]);
    }
    embedBackward(run, embeddingPair, hiddenGradients[0]);
    return new Result(loss, logitRows, run.gradients(), hidden, hiddenGradients);
  }

  /// The head: its own matrix, or that of the embedding.
  private ReferenceLinear head(ReferenceRun run, ReferencePair embeddingPair) {
    if (weights.containsKey("output.weight")) {
      return run.linear("output", config.width());
    }
    if (embeddingPair != null) {
      throw new IllegalArgumentException(EMBEDDING + " is the head too and can't be adapted");
    }
    return new ReferenceLinear(
        run.weight(EMBEDDING), config.width(), null, null, 0, run.batch().adapted());
  }

  private double[] embed(ReferenceRun run, ReferencePair pair) {
    int width = config.width();
    int[] tokens = run.batch().tokens();
    double[] x = new double[tokens.length * width];
    for (int i = 0; i < tokens.length; i++) {
      System.arraycopy(run.weight(EMBEDDING), tokens[i] * width, x, i * width, width);
      boolean adapted = pair != null && run.batch().adapted()[i];
      for (int out = 0; adapted && out < width; out++) {
        int rank = pair.rank();
        x[i * width + out] +=
            run.scaling()
                * ReferenceMath.dot(pair.b(), out * rank, pair.a(), tokens[i] * rank, rank);
      }
    }
    return x;
  }

  private void embedBackward(ReferenceRun run, ReferencePair pair, double[] dx) {
    if (pair == null) {
      return;
    }
    int rank = pair.rank();
    int[] tokens = run.batch().tokens();
    ReferencePair gradient = run.gradients().get(EMBEDDING);
    for (int i = 0; i < tokens.length; i++) {
      for (int out = 0; run.batch().adapted()[i] && out < config.width(); out++) {
        double dy = run.scaling() * dx[i * config.width() + out];
        ReferenceMath.addScaled(gradient.b(), out * rank, dy, pair.a(), tokens[i] * rank, rank);
        ReferenceMath.addScaled(gradient.a(), tokens[i] * rank, dy, pair.b(), out * rank, rank);
      }
    }
  }

  /// Returns the loss and leaves its gradient in the place of the logits.
  private double replaceByGradient(double[] logits, TokenBatch batch) {
    double loss = 0;
    int vocabulary = config.vocabulary();
    for (int i = 0; i < batch.size(); i++) {
      int start = i * vocabulary;
      double weight = batch.targetWeights()[i];
      double target = logits[start + batch.targets()[i]];
      loss += weight * (ReferenceMath.softmax(logits, start, vocabulary) - target);
      logits[start + batch.targets()[i]] -= 1;
      for (int j = start; j < start + vocabulary; j++) {
        logits[j] *= weight;
      }
    }
    return loss;
  }

  private static double[][] rows(double[] matrix, int columns) {
    double[][] rows = new double[matrix.length / columns][columns];
    for (int row = 0; row < rows.length; row++) {
      System.arraycopy(matrix, row * columns, rows[row], 0, columns);
    }
    return rows;
  }
}
