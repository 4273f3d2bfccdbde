package io.lorikeet.models.testing;

import io.lorikeet.models.architecture.TokenBatch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The inputs of one run of [ReferenceModel]: the weights, the batch and the pairs, each handed out
/// once.
final class ReferenceRun {
  private final Map<String, double[]> weights;
  private final TokenBatch batch;
  private final double scaling;
  private final Map<String, ReferencePair> unused = new LinkedHashMap<>();
  private final Map<String, ReferencePair> gradients = new LinkedHashMap<>();

  ReferenceRun(
      Map<String, double[]> weights, TokenBatch batch, List<ReferencePair> pairs, double scaling) {
    this.weights = weights;
    this.batch = batch;
    this.scaling = scaling;
    for (ReferencePair pair : pairs) {
      if (unused.put(pair.baseTensor(), pair) != null) {
        throw new IllegalArgumentException("two pairs for " + pair.baseTensor());
      }
    }
  }

  TokenBatch batch() {
    return batch;
  }

  double scaling() {
    return scaling;
  }

  double[] weight(String tensor) {
    double[] weight = weights.get(tensor);
    if (weight == null) {
      throw new IllegalArgumentException("the model lacks " + tensor);
    }
    return weight;
  }

  /// The linear layer of this tensor name without its ending.
  ReferenceLinear linear(String name, int inputs) {
    ReferencePair pair = unused.remove(name + ".weight");
    ReferenceLinear linear =
        new ReferenceLinear(
            weight(name + ".weight"),
            inputs,
            weights.get(name + ".bias"),
            pair,
            scaling,
            batch.adapted());
    if (pair != null) {
      gradients.put(pair.baseTensor(), linear.gradient());
    }
    return linear;
  }

  /// The pair of this tensor, its gradient kept; null without one.
  ReferencePair takePair(String tensor) {
    ReferencePair pair = unused.remove(tensor);
    if (pair != null) {
      gradients.put(tensor, pair.zeros());
    }
    return pair;
  }

  /// Gradients by base tensor.
  Map<String, ReferencePair> gradients() {
    return gradients;
  }

  void checkAllPairsUsed() {
    if (!unused.isEmpty()) {
      throw new IllegalArgumentException("no such weights to adapt: " + unused.keySet());
    }
  }
}
