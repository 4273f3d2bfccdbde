package io.lorikeet.train;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.checkpoint.Checkpoint;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/// How far a run is, and what it has measured: all of its state besides the parameters and the
/// optimizer's vectors. The order of the data and the dropout masks follow from the seed and the
/// step's number.
final class RunProgress {
  private int step;
  private int evaluated = -1;
  private long tokens;
  private double seconds;
  private OptionalDouble loss = OptionalDouble.empty();
  private OptionalDouble before = OptionalDouble.empty();
  private OptionalDouble after = OptionalDouble.empty();
  private int bestStep;
  private OptionalDouble best = OptionalDouble.empty();
  private int sinceBest;
  private int skipped;
  private int skippedInARow;
  private final StepSpread spread;

  /// A run of which nothing is done.
  RunProgress() {
    spread = new StepSpread();
  }

  /// As it was when it was saved.
  ///
  /// @throws InvalidInputException when a key is missing or of another type
  RunProgress(GgufMetadata saved) {
    step = count(saved, key("step"));
    evaluated = count(saved, key("evaluated"));
    tokens = saved.requireInteger(key("tokens"));
    seconds = saved.requireReal(key("seconds"));
    loss = saved.real(key("loss"));
    before = saved.real(key("validation.before"));
    after = saved.real(key("validation.last"));
    bestStep = count(saved, key("best.step"));
    best = saved.real(key("best.loss"));
    sinceBest = count(saved, key("best.validations_since"));
    skipped = count(saved, key("skipped"));
    skippedInARow = count(saved, key("skipped_in_a_row"));
    spread = StepSpread.of(saved);
  }

  /// A number of steps or the like.
  ///
  /// @throws InvalidInputException when there is none under this key, or one that can't be such
  static int count(GgufMetadata saved, String key) {
    long value = saved.requireInteger(key);
    if (value < -1 || value > Integer.MAX_VALUE) {
      throw new InvalidInputException("%s: %s can't be %s".formatted(saved.source(), key, value));
    }
    return (int) value;
  }

  static String key(String name) {
    return Checkpoint.PREFIX + name;
  }

  static GgufValue whole(long value) {
    return new GgufValue.Int(GgufType.INT64, value);
  }

  static GgufValue real(double value) {
    return new GgufValue.Real(GgufType.FLOAT64, value);
  }

  /// The keys of a checkpoint.
  Map<String, GgufValue> values() {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    values.put(key("step"), whole(step));
    values.put(key("evaluated"), whole(evaluated));
    values.put(key("tokens"), whole(tokens));
    values.put(key("seconds"), real(seconds));
    loss.ifPresent(value -> values.put(key("loss"), real(value)));
    before.ifPresent(value -> values.put(key("validation.before"), real(value)));
    after.ifPresent(value -> values.put(key("validation.last"), real(value)));
    values.put(key("best.step"), whole(bestStep));
    best.ifPresent(value -> values.put(key("best.loss"), real(value)));
    values.put(key("best.validations_since"), whole(sinceBest));
    values.put(key("skipped"), whole(skipped));
    values.put(key("skipped_in_a_row"), whole(skippedInARow));
    spread.save(values);
    return values;
  }

  /// A step was taken.
  void taken(TrainingEvent.StepDone done) {
    step = done.step();
    tokens += done.tokens();
    seconds += done.seconds();
    loss = OptionalDouble.of(done.loss());
    skippedInARow = 0;
    spread.add(done.loss(), done.gradientNorm());
  }

  /// A step was left out.
  void skipped(int number) {
    step = number;
    skipped++;
    skippedInARow++;
  }

  /// The validation data was measured after the steps done so far.
  ///
  /// @return whether this is the best since training began
  boolean evaluated(double mean) {
    evaluated = step;
    after = OptionalDouble.of(mean);
    if (step == 0) {
      before = after;
      return false;
    }
    boolean better = best.isEmpty() || mean < best.getAsDouble();
    if (better) {
      best = after;
      bestStep = step;
      sinceBest = 0;
    } else {
      sinceBest++;
    }
    return better;
  }

  /// Steps done, those left out among them.
  int step() {
    return step;
  }

  /// Steps that were done when the validation data was measured last; -1 before that.
  int evaluatedStep() {
    return evaluated;
  }

  long tokens() {
    return tokens;
  }

  double seconds() {
    return seconds;
  }

  /// Loss of the last step taken; NaN before the first.
  double loss() {
    return loss.orElse(Double.NaN);
  }

  OptionalDouble validationBefore() {
    return before;
  }

  OptionalDouble validationAfter() {
    return after;
  }

  /// The step after which the validation loss was lowest; 0 before any.
  int bestStep() {
    return bestStep;
  }

  OptionalDouble bestLoss() {
    return best;
  }

  /// Validations since the best one.
  int validationsSinceBest() {
    return sinceBest;
  }

  int skippedSteps() {
    return skipped;
  }

  int skippedInARow() {
    return skippedInARow;
  }

  StepSpread spread() {
    return spread;
  }
}
