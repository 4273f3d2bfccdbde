package io.lorikeet.finetune.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.quant.InvalidInputException;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/// An older report of `lorikeet bench`, to compare a new one with.
///
/// Compared is what each round tells: the speed of a thing beside the reference that ran next to it
/// (llama.cpp's forward pass, or the plain copy), since a machine's own speed changes between runs.
public final class BenchComparison {
  private static final int FEWEST_ROUNDS = 5;
  private static final int RESAMPLES = 2_000;
  private static final long SEED = 42;

  /// Two runs of the same build differ by that much beyond what their rounds show.
  private static final double NOISE = 0.03;

  private final Path file;
  private final JsonNode old;

  private BenchComparison(Path file, JsonNode old) {
    this.file = file;
    this.old = old;
  }

  enum SpeedVerdict {
    FASTER("faster"),
    SLOWER("slower"),
    WITHIN_NOISE("within noise");

    private final String words;

    SpeedVerdict(String words) {
      this.words = words;
    }
  }

  /// The new speed as a share of the old one.
  ///
  /// @param low end of the interval that holds 95 % of all resampled shares
  /// @param high its other end
  record SpeedChange(double low, double share, double high) {

    /// Bootstraps the quotient of two medians.
    ///
    /// @param old relative speeds, one of each round
    /// @param now the same of the new run
    static SpeedChange of(List<Double> old, List<Double> now) {
      SplittableRandom random = new SplittableRandom(SEED);
      List<Double> shares = new ArrayList<>();
      for (int i = 0; i < RESAMPLES; i++) {
        shares.add(medianOfSample(now, random) / medianOfSample(old, random));
      }
      shares.sort(null);
      return new SpeedChange(
          Quartiles.at(shares, 0.025),
          Quartiles.of(now).median() / Quartiles.of(old).median(),
          Quartiles.at(shares, 0.975));
    }

    private static double medianOfSample(List<Double> figures, SplittableRandom random) {
      List<Double> sample = new ArrayList<>();
      for (int i = 0; i < figures.size(); i++) {
        sample.add(figures.get(random.nextInt(figures.size())));
      }
      return Quartiles.of(sample).median();
    }

    SpeedVerdict verdict() {
      if (low > 1 + NOISE) {
        return SpeedVerdict.FASTER;
      }
      return high < 1 / (1 + NOISE) ? SpeedVerdict.SLOWER : SpeedVerdict.WITHIN_NOISE;
    }
  }

  /// Reads an older report.
  ///
  /// @throws InvalidInputException when the file isn't one, or is of too few rounds
  public static BenchComparison with(Path file) throws IOException {
    JsonNode old;
    try (InputStream bytes = Files.newInputStream(file)) {
      old = new ObjectMapper().readTree(bytes);
    } catch (JsonProcessingException | CharConversionException _) {
      throw notAReport(file);
    }
    if (old == null || !old.path("measured").isTextual() || !old.path("rounds").isInt()) {
      throw notAReport(file);
    }
    requireRounds(file.toString(), old.path("rounds").intValue());
    return new BenchComparison(file, old);
  }

  private static InvalidInputException notAReport(Path file) {
    return new InvalidInputException(
        "--compare: %s isn't what bench --json of this version wrote".formatted(file));
  }

  private static void requireRounds(String where, int rounds) {
    if (rounds < FEWEST_ROUNDS) {
      throw new InvalidInputException(
          "--compare: at least %s rounds can be compared, %s has %s"
              .formatted(FEWEST_ROUNDS, where, rounds));
    }
  }

  /// Refuses what can't be compared before it is measured.
  public void check(BenchSetting setting) {
    setting.requireComparable(file, old);
    requireRounds("this run (--rounds)", setting.rounds());
  }

  /// The parts that became faster or slower, one line each.
  ///
  /// @param compared names of the measured parts, as in the report's JSON
  /// @param reference name of the part that they are compared to
  public List<String> lines(Rounds now, List<String> compared, String reference) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "compared with %s (lorikeet %s, %s), beside %s:"
            .formatted(file, old.path("lorikeet").asText(), old.path("date").asText(), reference));
    for (String name : compared) {
      SpeedChange change =
          SpeedChange.of(
              Rounds.ratios(seconds(name), seconds(reference)), now.ratios(name, reference));
      lines.add(
          String.format(
              Locale.ROOT,
              "  %-30s %s: %.3f of its speed (%.3f to %.3f)",
              name,
              change.verdict().words,
              change.share(),
              change.low(),
              change.high()));
    }
    return lines;
  }

  private List<Double> seconds(String name) {
    List<Double> seconds = new ArrayList<>();
    for (JsonNode value : old.path("seconds").path(name)) {
      seconds.add(value.doubleValue());
    }
    if (seconds.size() != old.path("rounds").intValue()
        || seconds.stream().anyMatch(value -> !(value > 0))) {
      throw notAReport(file);
    }
    return seconds;
  }
}
