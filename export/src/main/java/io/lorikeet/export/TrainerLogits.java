package io.lorikeet.export;

import io.lorikeet.bindings.Backend;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelOptions;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.TextEmbedding;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.quant.GgufFile;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/// Logits as the trainer's forward pass computes them.
final class TrainerLogits implements LogitsSource, AutoCloseable {
  private final int context;
  private final Backend backend;
  private Optional<LoraParameters> parameters = Optional.empty();
  private final TransformerModel model;

  /// @param weights on the device
  /// @param adapter applied as it was trained, or none
  /// @param context length of the longest sequence
  TrainerLogits(
      GgufFile base,
      BaseWeights weights,
      Optional<LoraAdapter> adapter,
      String device,
      int threads,
      Precision precision,
      int context) {
    this.context = context;
    ModelConfig config = ModelConfig.of(base);
    PassShape shape = PassShape.choose(config, 1, context);
    // A backend of its own, closed with the model: Mesa's software Vulkan device (22.3) follows
    // descriptors of freed buffers, which ggml's Vulkan backend keeps until it is closed.
    backend = Backend.open(device, threads);
    try {
      parameters = adapter.map(trained -> LoraParameters.of(trained, backend));
      model =
          new TransformerModel(
              base,
              config,
              weights,
              parameters.orElse(null),
              backend,
              new ModelOptions(shape, precision, false, 0));
    } catch (RuntimeException e) {
      closeBackend();
      throw e;
    }
  }

  @Override
  public void forEach(int[] tokens, PositionConsumer consumer) {
    model.logits(
        padded(tokens),
        (position, logits) -> {
          if (position < tokens.length) {
            consumer.accept(position, logits);
          }
        });
  }

  /// The embedding of a text.
  double[] embedding(TextEmbedding embedding, int[] tokens) {
    int[] places = IntStream.range(0, tokens.length).toArray();
    return embedding.of(model.lastHidden(padded(tokens)), places);
  }

  /// One row that begins with the tokens; none of them sees what comes after it.
  private TokenBatch padded(int[] tokens) {
    int[] positions = new int[context];
    Arrays.setAll(positions, position -> position);
    int[] seenUntil = new int[context];
    Arrays.fill(seenUntil, context - 1);
    int[] row = Arrays.copyOf(tokens, context);
    boolean[] adapted = new boolean[context];
    int from =
        parameters
            .flatMap(LoraParameters::invocation)
            .map(invocation -> invocation.firstAdapted(tokens))
            .orElse(0);
    Arrays.fill(adapted, Math.min(from, context), context, true);
    return new TokenBatch(
        1, context, row, positions, seenUntil, row.clone(), new float[context], adapted);
  }

  @Override
  public void close() {
    model.close();
    closeBackend();
  }

  private void closeBackend() {
    parameters.ifPresent(LoraParameters::close);
    backend.close();
  }
}
