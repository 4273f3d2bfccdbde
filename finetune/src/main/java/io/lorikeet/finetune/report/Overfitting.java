package io.lorikeet.finetune.report;

import io.lorikeet.train.run.RunMetrics;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The sign of overfitting: the validation loss has risen clearly and stays up, while the training
/// loss went on falling.
///
/// The rule: each of the last [#CONFIRMING] validations is at least [#RISE] above the lowest one,
/// which came before them. And the mean training loss of the last steps is at least [#FALL] below
/// that of as many steps before the lowest validation. These steps are those since it, or as many
/// as there were before it, if that is fewer.
final class Overfitting {
  /// One validation can be unlucky, and three after each other seldom are.
  static final int CONFIRMING = 3;

  static final double RISE = 0.03;
  static final double FALL = 0.02;

  private Overfitting() {}

  /// The sign in words with its numbers; empty where there is none.
  static Optional<String> sign(RunMetrics metrics) {
    List<RunMetrics.Validation> all = metrics.validations();
    Optional<RunMetrics.Validation> lowest = metrics.best();
    if (lowest.isEmpty() || all.size() < CONFIRMING + 1) {
      return Optional.empty();
    }
    RunMetrics.Validation best = lowest.get();
    List<RunMetrics.Validation> last = all.subList(all.size() - CONFIRMING, all.size());
    boolean stays =
        last.stream().allMatch(v -> v.step() > best.step() && v.loss() >= (1 + RISE) * best.loss());
    if (!stays) {
      return Optional.empty();
    }
    int until = (int) metrics.steps().stream().filter(s -> s.number() <= best.step()).count();
    int window = Math.min(until, metrics.steps().size() - until);
    if (window == 0) {
      return Optional.empty();
    }
    double before = mean(metrics.steps().subList(until - window, until));
    int end = metrics.steps().size();
    double after = mean(metrics.steps().subList(end - window, end));
    if (!(after <= (1 - FALL) * before)) {
      return Optional.empty();
    }
    return Optional.of(
        String.format(
            Locale.ROOT,
            "a sign of overfitting: the validation loss was lowest after step %d (%s) and has been at least %.0f %% higher in the last %d validations (%s now), while the training loss fell from %s to %s",
            best.step(),
            LineChart.number(best.loss()),
            100 * RISE,
            CONFIRMING,
            LineChart.number(last.getLast().loss()),
            LineChart.number(before),
            LineChart.number(after)));
  }

  private static double mean(List<RunMetrics.Step> steps) {
    return steps.stream().mapToDouble(RunMetrics.Step::loss).average().orElseThrow();
  }
}
