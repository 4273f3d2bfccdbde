package io.lorikeet.train.run;

import io.lorikeet.bindings.Beta;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// A run as a whole, from the lines of its [MetricsFile]: also of one that was resumed, or that is
/// going on.
///
/// @param steps the steps that were taken, in their order; of one that was taken again the last try
/// @param validations in their order
/// @param skips the steps that were left out, in the order in which that happened
@Beta
public record RunMetrics(List<Step> steps, List<Validation> validations, List<Skip> skips) {
  /// Steps at each end over which a loss is averaged at most.
  private static final int MOST_AVERAGED = 10;

  /// @param number of the step, from 1
  /// @param epoch epochs done, with their fraction
  /// @param loss in nats per target token
  /// @param gradientNorm global norm before clipping
  /// @param targets tokens with loss
  /// @param tokens tokens computed
  /// @param figures rewards of answers by their keys; empty where examples are learned
  public record Step(
      int number,
      double epoch,
      double loss,
      double learningRate,
      double gradientNorm,
      long targets,
      long tokens,
      double seconds,
      Map<String, Double> figures) {}

  /// @param step steps done, 0 for the base
  /// @param loss in nats per target token
  /// @param figures shares of passages that were found, by their keys; empty where no embeddings
  ///     are learned
  public record Validation(int step, double loss, double seconds, Map<String, Double> figures) {
    /// Of anything but embeddings.
    public Validation(int step, double loss, double seconds) {
      this(step, loss, seconds, Map.of());
    }
  }

  /// @param step number of the step, from 1
  /// @param kind the problem in two or three words
  /// @param rolledBackTo the step whose state was taken back; empty where the state stayed
  public record Skip(int step, String kind, OptionalInt rolledBackTo) {}

  /// Reads a run's numbers. Half a line at the end, of a run that is writing it or was killed, is
  /// left out.
  ///
  /// @param run the run's folder
  /// @throws InvalidInputException when a line but the last isn't one of a run's metrics
  public static RunMetrics read(Path run) throws IOException {
    return new MetricsReader(run).read();
  }

  /// The number of the last step that was taken, 0 for none.
  public int lastStep() {
    return steps.isEmpty() ? 0 : steps.getLast().number();
  }

  public long tokens() {
    return steps.stream().mapToLong(Step::tokens).sum();
  }

  /// Tokens with loss.
  public long targets() {
    return steps.stream().mapToLong(Step::targets).sum();
  }

  /// Time of the steps.
  public double seconds() {
    return steps.stream().mapToDouble(Step::seconds).sum();
  }

  public double validationSeconds() {
    return validations.stream().mapToDouble(Validation::seconds).sum();
  }

  /// Steps at each end over which [#firstLoss] and [#lastLoss] are means: a tenth of them, 10 at
  /// most.
  public int averaged() {
    return Math.clamp(steps.size() / 10, 1, MOST_AVERAGED);
  }

  /// Mean loss per target token of the first steps, in nats.
  public double firstLoss() {
    return mean(steps.subList(0, averaged()));
  }

  /// Mean loss per target token of the last steps, in nats.
  public double lastLoss() {
    return mean(steps.subList(steps.size() - averaged(), steps.size()));
  }

  private static double mean(List<Step> steps) {
    double sum = steps.stream().mapToDouble(step -> step.loss() * step.targets()).sum();
    return sum / steps.stream().mapToLong(Step::targets).sum();
  }

  /// The validation with the lowest loss after the training began.
  public Optional<Validation> best() {
    return validations.stream()
        .filter(validation -> validation.step() > 0)
        .min(Comparator.comparingDouble(Validation::loss));
  }
}
