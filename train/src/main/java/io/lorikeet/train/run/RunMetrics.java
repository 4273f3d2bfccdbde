package io.lorikeet.train.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.quant.InvalidInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/// A run as a whole, from the lines of its [MetricsFile]: also of one that was resumed, or that is
/// going on.
///
/// @param steps the steps that were taken, in their order; of one that was taken again the last try
/// @param validations in their order
/// @param skips the steps that were left out, in the order in which that happened
public record RunMetrics(List<Step> steps, List<Validation> validations, List<Skip> skips) {
  /// Steps at each end over which a loss is averaged at most.
  private static final int MOST_AVERAGED = 10;

  private static final ObjectMapper JSON = new ObjectMapper();

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
  public record Validation(int step, double loss, double seconds) {}

  /// @param step number of the step, from 1
  /// @param kind the problem in two or three words
  /// @param rolledBackTo the step whose state was taken back; empty where the state stayed
  public record Skip(int step, String kind, OptionalInt rolledBackTo) {}

  /// Reads a run's numbers. Half a line at the end, of a run that is writing it or was killed, is
  /// left out.
  ///
  /// @param run the run's folder
  /// @throws InvalidInputException when another line isn't one of a run's metrics
  public static RunMetrics read(Path run) throws IOException {
    Path file = RunFolder.metrics(run);
    Collected collected = new Collected();
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      String text = lines.readLine();
      for (int number = 1; text != null; number++) {
        String next = lines.readLine();
        collect(file, number, text, next == null, collected);
        text = next;
      }
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + ": this isn't text in UTF-8", e);
    }
    return collected.metrics();
  }

  private static void collect(
      Path file, int number, String text, boolean last, Collected collected) {
    try {
      JsonNode line = JSON.readTree(text);
      if (line.path("step").isInt()) {
        collected.add(line);
        return;
      }
    } catch (JsonProcessingException _) {
      // said below
    }
    if (!last) {
      throw new InvalidInputException(
          "%s:%s: this is no line of a run's metrics, which are JSON objects with a 'step'"
              .formatted(file, number));
    }
  }

  /// The lines so far. After a return to an earlier state, what came after that state doesn't
  /// count.
  private static final class Collected {
    private final TreeMap<Integer, Step> steps = new TreeMap<>();
    private final TreeMap<Integer, Validation> validations = new TreeMap<>();
    private final List<Skip> skips = new ArrayList<>();

    void add(JsonNode line) {
      int step = line.path("step").asInt();
      double loss = number(line, "loss");
      double seconds = number(line, "seconds");
      if (line.path("evaluation").asBoolean()) {
        validations.put(step, new Validation(step, loss, seconds));
      } else if (line.has("skipped")) {
        skip(step, line);
      } else if (line.has("loss")) {
        steps.put(
            step,
            new Step(
                step,
                number(line, "epoch"),
                loss,
                number(line, "learning_rate"),
                number(line, "grad_norm"),
                line.path("target_tokens").asLong(),
                line.path("tokens").asLong(),
                seconds,
                figures(line)));
      }
    }

    private void skip(int step, JsonNode line) {
      JsonNode back = line.path("rolled_back_to");
      OptionalInt state = back.isInt() ? OptionalInt.of(back.asInt()) : OptionalInt.empty();
      skips.add(new Skip(step, line.path("skipped").asText(), state));
      state.ifPresent(
          kept -> {
            steps.tailMap(kept, false).clear();
            validations.tailMap(kept, false).clear();
          });
    }

    private static Map<String, Double> figures(JsonNode line) {
      Map<String, Double> figures = new TreeMap<>();
      for (Map.Entry<String, JsonNode> entry : line.properties()) {
        if (entry.getKey().startsWith("reward_")) {
          figures.put(entry.getKey(), entry.getValue().asDouble(Double.NaN));
        }
      }
      return figures;
    }

    /// Jackson writes what isn't finite as text.
    private static double number(JsonNode line, String key) {
      return line.path(key).asDouble(Double.NaN);
    }

    RunMetrics metrics() {
      return new RunMetrics(
          List.copyOf(steps.values()), List.copyOf(validations.values()), List.copyOf(skips));
    }
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
