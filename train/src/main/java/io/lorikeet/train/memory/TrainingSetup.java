package io.lorikeet.train.memory;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.OwnedResources;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelOptions;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.optimizer.AdamW;
import io.lorikeet.train.settings.AdamWSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The parts of a run that are in memory: the base's weights, the adapter, the graphs, the
/// optimizer.
public final class TrainingSetup implements AutoCloseable {
  private final OwnedResources owned = new OwnedResources();
  private final BaseWeights weights;
  private final LoraParameters lora;
  private final TransformerModel model;
  private final AdamW optimizer;

  /// The parts to set up.
  ///
  /// @param adapter makes the parameters on a backend
  /// @param shorter lengths of rows besides the placement's
  /// @param forMerged whether training goes through the rounding of merging
  /// @param diverges whether batches come whose divergence from the base is the loss
  /// @param folder for files of the optimizer
  public record Request(
      Function<Backend, LoraParameters> adapter,
      Placement placement,
      List<Integer> shorter,
      Precision precision,
      double dropout,
      AdamWSettings adamW,
      boolean forMerged,
      boolean diverges,
      @Nullable Path folder) {

    /// The same with other parameters.
    public Request withAdapter(Function<Backend, LoraParameters> other) {
      return new Request(
          other, placement, shorter, precision, dropout, adamW, forMerged, diverges, folder);
    }
  }

  /// Takes the memory, and uploads the weights.
  ///
  /// @param base the open file of the base; its head is enough where the backend only plans
  public TrainingSetup(
      GgufFile base, Backend backend, Request request, ByteProgress uploadProgress) {
    Placement placement = request.placement();
    ModelOptions options =
        new ModelOptions(
            placement.shape(),
            request.shorter(),
            request.precision(),
            true,
            request.dropout(),
            placement.savedInputs(),
            placement.savedActivations(),
            placement.passes(),
            request.forMerged(),
            0,
            request.diverges());
    try {
      weights =
          owned.add(
              placement.streamed()
                  ? BaseWeights.stream(base, backend, uploadProgress)
                  : BaseWeights.load(base, backend, uploadProgress));
      lora = owned.add(request.adapter().apply(backend));
      model =
          owned.add(
              new TransformerModel(base, ModelConfig.of(base), weights, lora, backend, options));
      optimizer =
          owned.add(
              new AdamW(
                  lora, request.adamW(), backend, placement.optimizerState(), request.folder()));
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  BaseWeights weights() {
    return weights;
  }

  public LoraParameters lora() {
    return lora;
  }

  public TransformerModel model() {
    return model;
  }

  public AdamW optimizer() {
    return optimizer;
  }

  @Override
  public void close() {
    owned.close();
  }
}
