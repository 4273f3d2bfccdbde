package io.lorikeet.spark;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/// The parts of the steps, means over all but the first, in which bases are opened and graphs
/// built.
final class StepTimes {
  private final Map<String, Double> sums = new HashMap<>();
  private int steps;
  private int executors;

  /// @param nanos from the parameters' broadcast to the last chunk's arrival
  void step(long nanos, List<StepPart.Outcome> outcomes) {
    if (steps++ == 0) {
      return;
    }
    Map<StepPart.Machine, Long> byMachine = new HashMap<>();
    outcomes.forEach(outcome -> byMachine.merge(outcome.machine(), outcome.nanos(), Long::sum));
    long longest = byMachine.values().stream().mapToLong(Long::longValue).max().orElse(0);
    double mean = byMachine.values().stream().mapToLong(Long::longValue).average().orElse(0);
    executors = Math.max(executors, byMachine.size());
    add("compute", mean);
    add("waiting", longest - mean);
    add("exchange", nanos - longest);
  }

  private void add(String part, double nanos) {
    sums.merge(part, nanos, Double::sum);
  }

  /// In words; none where there was only one step.
  Optional<String> summary() {
    if (steps < 2) {
      return Optional.empty();
    }
    ToDoubleFunction<String> seconds = part -> sums.getOrDefault(part, 0.0) / 1e9 / (steps - 1);
    return Optional.of(
        String.format(
            Locale.ROOT,
            "cluster: a step's gradients took %.3f s of computing on %s executors, %.3f s of waiting for the slowest, %.3f s of exchange",
            seconds.applyAsDouble("compute"),
            executors,
            seconds.applyAsDouble("waiting"),
            seconds.applyAsDouble("exchange")));
  }
}
