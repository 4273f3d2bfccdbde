package io.lorikeet.train.settings;

/// The learning rate over the steps of a run. Every schedule first rises linearly over its warm-up
/// steps, and reaches its peak at the first step after them; none wastes a step on a rate of 0.
///
/// Warm-up below 1 is a share of the run's steps, rounded; from 1 on it is a number of steps.
public sealed interface LearningRateSchedule {

  /// Rate at the peak.
  double peak();

  /// Share of the steps if below 1, else steps.
  double warmup();

  /// Part of the peak at `done` of the way from the peak to the end of the run, from 0 inclusive to
  /// 1 exclusive.
  double decay(double done);

  /// The rate of a step.
  ///
  /// @param step the step, from 1
  /// @param steps steps of the whole run
  default double rate(int step, int steps) {
    if (step < 1 || step > steps) {
      throw new IllegalArgumentException("step " + step + " of " + steps);
    }
    long warmupSteps = warmup() < 1 ? Math.round(warmup() * steps) : (long) warmup();
    if (step <= warmupSteps) {
      return peak() * step / (warmupSteps + 1);
    }
    return peak() * decay((double) (step - 1 - warmupSteps) / (steps - warmupSteps));
  }

  /// Stays at the peak.
  record Constant(double peak, double warmup) implements LearningRateSchedule {
    @Override
    public double decay(double done) {
      return 1;
    }
  }

  /// Falls in a straight line that would reach 0 at the step after the last.
  record Linear(double peak, double warmup) implements LearningRateSchedule {
    @Override
    public double decay(double done) {
      return 1 - done;
    }
  }

  /// Falls along half a cosine that would reach 0 at the step after the last (SGDR, arXiv
  /// 1608.03983, without restarts).
  record Cosine(double peak, double warmup) implements LearningRateSchedule {
    @Override
    public double decay(double done) {
      return (1 + Math.cos(Math.PI * done)) / 2;
    }
  }

  /// Rises by the same factor at each step, up to its peak. For a test of rates; no setting asks
  /// for it.
  ///
  /// @param from rate of the first step
  record Rising(double from, double peak) implements LearningRateSchedule {
    @Override
    public double warmup() {
      return 0;
    }

    @Override
    public double decay(double done) {
      return 1;
    }

    @Override
    public double rate(int step, int steps) {
      double done = steps == 1 ? 0 : (step - 1.0) / (steps - 1);
      return from * Math.pow(peak / from, done);
    }
  }
}
