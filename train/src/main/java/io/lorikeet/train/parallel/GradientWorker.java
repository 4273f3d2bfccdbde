package io.lorikeet.train.parallel;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.OwnedResources;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelOptions;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.run.Computation;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Computes micro-batches of a [GradientJob] in this process: the graphs are built once. It is used
/// by the thread that made it.
public final class GradientWorker implements AutoCloseable {
  private final OwnedResources owned = new OwnedResources();
  private final LoraParameters lora;
  private final TransformerModel model;
  private final List<String> differences;
  private long parameters = -1;

  /// The results of a micro-batch.
  ///
  /// @param losses of its places, see [TransformerModel.Losses]
  /// @param gradient of its loss, F32 `[n]`, in the machine's order of bytes
  /// @param nanos that computing took
  public record MicroBatchResult(float[] losses, MemorySegment gradient, long nanos) {}

  /// @param base the open file, of which the hash was compared
  /// @throws GgmlException when the device isn't there
  public GradientWorker(GgufFile base, GradientJob job) {
    Computation wanted = job.parsedComputation();
    Placement placement = wanted.placement();
    ModelOptions options =
        new ModelOptions(
            placement.shape(),
            job.shorter(),
            job.precision(),
            true,
            job.dropout(),
            placement.savedInputs(),
            placement.savedActivations(),
            placement.passes(),
            job.forMerged(),
            0,
            job.diverges());
    try {
      Backend backend =
          owned.add(
              Backend.open(wanted.device(), wanted.threads(), Optional.of(wanted.products())));
      differences = Computation.of(backend, placement).changesSince(wanted);
      BaseWeights weights =
          owned.add(
              placement.streamed()
                  ? BaseWeights.stream(base, backend, (_, _) -> {})
                  : BaseWeights.load(base, backend, (_, _) -> {}));
      lora =
          owned.add(
              LoraParameters.zeros(
                  job.architecture(), job.slots(), Optional.ofNullable(job.invocation()), backend));
      model =
          owned.add(
              new TransformerModel(base, ModelConfig.of(base), weights, lora, backend, options));
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /// Opens a base, and compares it with the run's.
  ///
  /// @throws IOException when it can't be read or is another
  public static GgufFile open(GradientJob job) throws IOException {
    GgufFile base = GgufFile.open(Path.of(job.base()));
    try {
      String found = base.hash();
      if (!found.equals(job.baseHash())) {
        throw new IOException(
            "%s isn't the run's base: its SHA-256 is %s instead of %s"
                .formatted(job.base(), found, job.baseHash()));
      }
      return base;
    } catch (IOException | RuntimeException e) {
      base.close();
      throw e;
    }
  }

  /// The ways in which this process computes otherwise than the run, in words.
  public List<String> differences() {
    return differences;
  }

  /// Computes with parameters, unless it has them.
  ///
  /// @param version of the parameters
  /// @param values all of them, F32 `[n]`
  public void use(long version, MemorySegment values) {
    if (parameters != version) {
      lora.values().upload(values, 0);
      model.foldAdapter();
      parameters = version;
    }
  }

  /// Computes a micro-batch with the parameters of [#use].
  public MicroBatchResult compute(MicroBatchWork work) {
    long start = System.nanoTime();
    Tensor gradients = lora.gradients();
    gradients.clear();
    model.addGradients(List.of(work.pass()));
    TransformerModel.Losses losses = model.takeLosses();
    MemorySegment gradient = MemorySegment.ofArray(gradients.downloadFloats());
    return new MicroBatchResult(losses.losses().getFirst(), gradient, System.nanoTime() - start);
  }

  @Override
  public void close() {
    owned.close();
  }
}
