package io.lorikeet.train.settings;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How a run takes care of its work. None of it decides what a step computes.
public final class RunPolicy {
  private static final WholeRange STEPS = new WholeRange(1, 1_000_000_000);

  private static final Pattern DURATION =
      Pattern.compile("(?:(\\d{1,6})h)?(?:(\\d{1,6})m)?(?:(\\d{1,9})s)?");

  private RunPolicy() {}

  /// Treatment of a step whose loss or gradient isn't finite, or is far outside the run's usual
  /// range.
  public enum OnNan {
    /// The run ends, with a checkpoint of the state before the step.
    STOP,
    /// The step is left out.
    SKIP,
    /// The newest checkpoint's state is taken back, and training goes on with the data after the
    /// step.
    ROLLBACK
  }

  /// The files that a run's numbers go to.
  public enum Log {
    /// `metrics.jsonl` alone.
    METRICS,
    /// Event files for TensorBoard, too.
    TENSORBOARD
  }

  /// A distance between two checkpoints.
  public sealed interface Interval {
    record Steps(int count) implements Interval {
      @Override
      public String toString() {
        return String.valueOf(count);
      }
    }

    record Time(Duration duration) implements Interval {
      @Override
      public String toString() {
        return text(duration);
      }
    }
  }

  /// A number of steps, or a time such as `10m`.
  ///
  /// @throws IllegalArgumentException with what was expected
  static Interval interval(String text) {
    return DecimalRange.isNumber(text)
        ? new Interval.Steps((int) STEPS.parse(text))
        : new Interval.Time(duration(text));
  }

  /// A time such as `90s`, `55m` or `1h30m`.
  ///
  /// @throws IllegalArgumentException with what was expected
  static Duration duration(String text) {
    Matcher matcher = DURATION.matcher(text.strip());
    if (matcher.matches()) {
      Duration duration =
          Duration.ofHours(number(matcher.group(1)))
              .plusMinutes(number(matcher.group(2)))
              .plusSeconds(number(matcher.group(3)));
      if (duration.isPositive()) {
        return duration;
      }
    }
    throw new IllegalArgumentException(
        "expected a time such as 90s, 55m or 1h30m, found '" + text + "'");
  }

  private static long number(String digits) {
    return digits == null ? 0 : Long.parseLong(digits);
  }

  /// As [#duration] reads it.
  public static String text(Duration duration) {
    StringBuilder text = new StringBuilder();
    if (duration.toHours() > 0) {
      text.append(duration.toHours()).append('h');
    }
    if (duration.toMinutesPart() > 0) {
      text.append(duration.toMinutesPart()).append('m');
    }
    if (duration.toSecondsPart() > 0) {
      text.append(duration.toSecondsPart()).append('s');
    }
    return text.toString();
  }
}
