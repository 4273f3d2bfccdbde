package io.lorikeet.train;

import io.lorikeet.train.data.DataSet;

/// Words of advice about settings that don't fit the data.
final class Advice {
  /// Steps below which a run has hardly a learning rate schedule.
  private static final int FEW_STEPS = 20;

  private Advice() {}

  static void give(
      TrainingConfig config, DataSet data, long parameters, TrainingListener listener) {
    if (parameters < data.targets()) {
      listener.on(
          new TrainingEvent.Warning(
              "the adapter has %,d parameters for %,d trained tokens: it may be too small to take in the data; consider a higher --rank"
                  .formatted(parameters, data.targets())));
    }
    int steps = config.stepsFor(data.rows().size());
    if (steps < FEW_STEPS) {
      listener.on(
          new TrainingEvent.Warning(
              "the run has only %d steps: the batch is large for this data; consider a smaller --accumulate, or more --epochs"
                  .formatted(steps)));
    }
    long stepTokens =
        (long) config.batchSize() * config.context() * config.accumulate().orElseThrow();
    if (stepTokens > 4L * TrainingConfig.DEFAULT_STEP_TOKENS) {
      listener.on(
          new TrainingEvent.Warning(
              "a step has up to %,d tokens: LoRA learns worse from very large batches; 16,384 are a usual limit"
                  .formatted(stepTokens)));
    }
  }
}
