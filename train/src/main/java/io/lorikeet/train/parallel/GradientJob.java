package io.lorikeet.train.parallel;

import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.memory.TrainingSetup;
import io.lorikeet.train.run.Computation;
import java.io.IOException;
import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// All that a process needs to compute micro-batches of a run, but for parameters and tokens.
///
/// @param base path of the base's file, the same on each machine
/// @param baseHash SHA-256 of that file
/// @param architecture the base's
/// @param slots the adapter's pairs and their places in the flat vector
/// @param invocation the tokens that the adapter acts from; null for one that always does
/// @param elements of that vector
/// @param computation how the run is computed, see [Computation#text]
/// @param rows of a micro-batch
/// @param context tokens of a row at most
/// @param shorter lengths of rows besides that
/// @param dropout share of the adapter's inputs that is dropped
/// @param forMerged whether training goes through the rounding of merging
/// @param diverges whether batches come whose divergence from the base is the loss
public record GradientJob(
    String base,
    String baseHash,
    String architecture,
    List<LoraSlot> slots,
    @Nullable Invocation invocation,
    int elements,
    String computation,
    int rows,
    int context,
    List<Integer> shorter,
    Precision precision,
    double dropout,
    boolean forMerged,
    boolean diverges)
    implements Serializable {

  /// That of a run which is set up here.
  public static GradientJob of(
      GgufFile base, Computation computation, TrainingSetup.Request request, LoraParameters lora)
      throws IOException {
    PassShape shape = request.placement().shape();
    return new GradientJob(
        base.path().toAbsolutePath().toString(),
        base.hash(),
        base.metadata().requireString("general.architecture"),
        List.copyOf(lora.slots()),
        lora.invocation().orElse(null),
        Math.toIntExact(lora.values().shape().elements()),
        computation.text(),
        shape.rows(),
        shape.context(),
        List.copyOf(request.shorter()),
        request.precision(),
        request.dropout(),
        request.forMerged(),
        request.diverges());
  }

  /// How the run is computed.
  public Computation parsedComputation() {
    return Computation.parse("the run's computation", computation, rows, context);
  }
}
