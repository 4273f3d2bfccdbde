package io.lorikeet.train;

import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.SourceLine;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/// One optimizer step: the gradients of its micro-batches summed, divided once by the number of
/// target tokens of them all, clipped, applied.
final class TrainingStep {
  private static final int MOST_NAMED = 8;

  private final TransformerModel model;
  private final AdamW optimizer;
  private final double maxGradNorm;
  private final long seed;

  /// What a step gave.
  ///
  /// @param loss mean loss per target token before the update, in nats
  /// @param gradientNorm global norm before clipping
  /// @param targetTokens tokens with loss
  /// @param tokens tokens computed, padding excluded
  record Outcome(double loss, double gradientNorm, long targetTokens, long tokens) {}

  /// @param maxGradNorm global norm that gradients are clipped to; 0 for no clipping
  TrainingStep(TransformerModel model, AdamW optimizer, double maxGradNorm, long seed) {
    this.model = model;
    this.optimizer = optimizer;
    this.maxGradNorm = maxGradNorm;
    this.seed = seed;
  }

  /// @param step number of the step, from 1
  /// @throws NonFiniteException before such numbers reach the parameters
  Outcome run(int step, List<MicroBatch> batches, double learningRate) {
    double lossSum = 0;
    double targets = 0;
    long tokens = 0;
    SplittableRandom dropoutSeeds = new SplittableRandom(seed ^ (long) step << 32);
    for (MicroBatch batch : batches) {
      double loss = model.lossAndGradients(batch.tokens(), dropoutSeeds.nextLong());
      if (!Double.isFinite(loss)) {
        throw nonFinite("loss", step, model.firstNonFinite(), List.of(batch));
      }
      lossSum += loss;
      targets += batch.tokens().targetCount();
      tokens += batch.usedPlaces();
    }
    double norm = optimizer.gradientNorm() / targets;
    if (!Double.isFinite(norm)) {
      throw nonFinite("gradient", step, nonFiniteGradients(), batches);
    }
    double clip = maxGradNorm > 0 && norm > maxGradNorm ? maxGradNorm / norm : 1;
    optimizer.step(learningRate, clip / targets);
    return new Outcome(lossSum / targets, norm, Math.round(targets), tokens);
  }

  private static NonFiniteException nonFinite(
      String what, int step, String where, List<MicroBatch> batches) {
    List<SourceLine> sources =
        batches.stream().flatMap(batch -> batch.sources().stream()).distinct().toList();
    String lines =
        sources.stream()
            .limit(MOST_NAMED)
            .map(SourceLine::toString)
            .collect(Collectors.joining(", "));
    int more = sources.size() - MOST_NAMED;
    return new NonFiniteException(
        "step %d: the %s is not a finite number, first in %s; the step was not taken. Its data: %s%s."
                .formatted(step, what, where, lines, more > 0 ? " and " + more + " more" : "")
            + " A lower --learning-rate or looking at these lines may help.");
  }

  private String nonFiniteGradients() {
    LoraParameters lora = model.lora();
    List<String> names = new ArrayList<>();
    for (LoraSlot slot : lora.slots().reversed()) {
      if (hasNonFinite(LoraParameters.read(lora.gradients(), slot.aOffset(), slot.aShape()))
          || hasNonFinite(LoraParameters.read(lora.gradients(), slot.bOffset(), slot.bShape()))) {
        names.add(slot.baseTensor());
      }
    }
    return names.isEmpty() ? "the sum of all" : names.getFirst();
  }

  private static boolean hasNonFinite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return true;
      }
    }
    return false;
  }
}
