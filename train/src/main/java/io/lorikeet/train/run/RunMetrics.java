package io.lorikeet.train.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/// A run as a whole, from the lines of its [MetricsFile]: also of one that was resumed.
///
/// @param steps the steps that were taken, in their order; of one that was taken again the last try
/// @param validations in their order
public record RunMetrics(List<Step> steps, List<Validation> validations) {
  /// Steps at each end over which a loss is averaged at most.
  private static final int MOST_AVERAGED = 10;

  /// @param loss in nats per target token
  /// @param targets tokens with loss
  /// @param tokens tokens computed
  public record Step(double loss, long targets, long tokens, double seconds) {}

  /// @param step steps done, 0 for the base
  /// @param loss in nats per target token
  public record Validation(int step, double loss, double seconds) {}

  /// Reads a run's numbers.
  ///
  /// @param run the run's folder
  public static RunMetrics read(Path run) throws IOException {
    ObjectMapper json = new ObjectMapper();
    TreeMap<Integer, Step> steps = new TreeMap<>();
    TreeMap<Integer, Validation> validations = new TreeMap<>();
    try (BufferedReader lines = Files.newBufferedReader(RunFolder.metrics(run))) {
      for (String text = lines.readLine(); text != null; text = lines.readLine()) {
        JsonNode line = json.readTree(text);
        int step = line.path("step").asInt();
        double loss = line.path("loss").asDouble();
        double seconds = line.path("seconds").asDouble();
        if (line.path("evaluation").asBoolean()) {
          validations.put(step, new Validation(step, loss, seconds));
        } else if (line.has("loss")) {
          long targets = line.path("target_tokens").asLong();
          steps.put(step, new Step(loss, targets, line.path("tokens").asLong(), seconds));
        }
      }
    }
    return new RunMetrics(List.copyOf(steps.values()), List.copyOf(validations.values()));
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
