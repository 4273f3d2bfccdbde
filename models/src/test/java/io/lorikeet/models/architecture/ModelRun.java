package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.testing.ReferencePair;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A model opened for one test, with everything it needs.
final class ModelRun implements AutoCloseable {
  final GgufFile base;
  final ModelConfig config;
  final Backend backend;
  final BaseWeights weights;
  final LoraParameters lora;
  final TransformerModel model;

  ModelRun(
      Path file,
      String device,
      LoraAdapter adapter,
      PassShape shape,
      Precision precision,
      double dropout)
      throws IOException {
    this(
        file, device, adapter, new ModelOptions(shape, precision, adapter != null, dropout), false);
  }

  /// @param streamed whether layers take turns in memory
  ModelRun(Path file, String device, LoraAdapter adapter, ModelOptions options, boolean streamed)
      throws IOException {
    base = GgufFile.open(file);
    backend = Backend.open(device, 1);
    config = ModelConfig.of(base);
    weights =
        streamed
            ? BaseWeights.stream(base, backend, (done, total) -> {})
            : BaseWeights.load(base, backend, (done, total) -> {});
    lora = adapter == null ? null : LoraParameters.of(adapter, backend);
    model = new TransformerModel(base, config, weights, lora, backend, options);
  }

  /// On the CPU with F32 products, every matrix of these roles adapted at random, B ≠ 0.
  static ModelRun adapted(Path file, List<String> roles, PassShape shape, double dropout)
      throws IOException {
    List<LoraPair> pairs;
    try (GgufFile base = GgufFile.open(file)) {
      pairs = RandomInputs.pairs(base, roles, 4, 5);
    }
    return new ModelRun(file, "cpu", adapter(pairs, 0.7), shape, Precision.F32, dropout);
  }

  static LoraAdapter adapter(List<LoraPair> pairs, double scaling) {
    return new LoraAdapter("llama", (float) (scaling * pairs.getFirst().rank()), pairs);
  }

  /// All matrices that an adapter can adapt, by what follows the layer in their names.
  static List<String> roles(Path file) throws IOException {
    try (GgufFile base = GgufFile.open(file)) {
      return ModelConfig.of(base).matrices().stream()
          .map(name -> name.split("\\."))
          .map(parts -> parts[parts.length - 2])
          .distinct()
          .toList();
    }
  }

  /// The gradients that have been summed so far, by base tensor.
  Map<String, ReferencePair> gradients() {
    Map<String, ReferencePair> gradients = new LinkedHashMap<>();
    for (LoraSlot slot : lora.slots()) {
      List<float[]> matrices = LoraParameters.read(lora.gradients(), slot);
      double[] a = widened(matrices.getFirst());
      double[] b = widened(matrices.getLast());
      gradients.put(slot.baseTensor(), new ReferencePair(slot.baseTensor(), slot.rank(), a, b));
    }
    return gradients;
  }

  float[][] logits(TokenBatch batch) {
    float[][] logits = new float[batch.size()][];
    model.logits(batch, (token, row) -> logits[token] = row.clone());
    return logits;
  }

  static double[] widened(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  /// ‖a - b‖ / ‖b‖.
  static double relativeError(double[] a, double[] b) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < a.length; i++) {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      size += b[i] * b[i];
    }
    return Math.sqrt(difference / size);
  }

  @Override
  public void close() {
    model.close();
    if (lora != null) {
      lora.close();
    }
    weights.close();
    backend.close();
    base.close();
  }
}
