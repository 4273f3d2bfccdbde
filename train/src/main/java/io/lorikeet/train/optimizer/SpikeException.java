package io.lorikeet.train.optimizer;

import io.lorikeet.train.data.MicroBatch;
import java.util.List;
import java.util.Locale;

/// A loss or gradient that is finite, but so far outside what the run has shown that the step would
/// do harm. The parameters are as they were before the step.
public final class SpikeException extends UnusableStepException {
  private static final long serialVersionUID = 1L;

  private final String kind;

  private SpikeException(String kind, String message) {
    super(message);
    this.kind = kind;
  }

  /// @param step number of the step that was not taken
  /// @param usual a usual loss of the steps before, in nats
  static SpikeException ofLoss(int step, double loss, double usual, List<MicroBatch> batches) {
    return of(
        "loss spike",
        step,
        String.format(Locale.ROOT, "the loss is %.4g, and was about %.4g before", loss, usual),
        batches);
  }

  /// @param usual a usual norm of the steps before
  static SpikeException ofGradient(int step, double norm, double usual, List<MicroBatch> batches) {
    return of(
        "gradient explosion",
        step,
        String.format(
            Locale.ROOT,
            "the norm of the gradient is %.4g, and was about %.4g before",
            norm,
            usual),
        batches);
  }

  private static SpikeException of(String kind, int step, String found, List<MicroBatch> batches) {
    return new SpikeException(
        kind,
        String.format(
            Locale.ROOT,
            "step %d: %s; the step was not taken. Its data: %s",
            step,
            found,
            NonFiniteException.lines(batches)));
  }

  @Override
  public boolean isOfTheBase() {
    return false;
  }

  @Override
  public String kind() {
    return kind;
  }
}
