package io.lorikeet.train.run;

import io.lorikeet.bindings.Beta;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.checkpoint.StateValues;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.optimizer.StepSpread;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/// How far a run is, and what it has measured: all of its state besides the parameters and the
/// optimizer's vectors. The order of the data and the dropout masks follow from the seed and the
/// step's number.
@Beta
public final class RunProgress {
  private int step;
  private int evaluated = -1;
  private long tokens;
  private double seconds;
  private OptionalDouble loss = OptionalDouble.empty();
  private OptionalDouble before = OptionalDouble.empty();
  private OptionalDouble after = OptionalDouble.empty();
  private int bestStep;
  private OptionalDouble best = OptionalDouble.empty();
  private OptionalDouble lowest = OptionalDouble.empty();
  private int sinceLowest;
  private int skipped;
  private int skippedInARow;
  private final StepSpread spread;

  /// A run of which nothing is done.
  public RunProgress() {
    spread = new StepSpread();
  }

  /// As it was when it was saved.
  ///
  /// @throws InvalidInputException when a key is missing or of another type
  public RunProgress(GgufMetadata saved) {
    step = count(saved, StateValues.key("step"));
    evaluated = count(saved, StateValues.key("evaluated"));
    tokens = saved.requireInteger(StateValues.key("tokens"));
    seconds = saved.requireReal(StateValues.key("seconds"));
    loss = saved.real(StateValues.key("loss"));
    before = saved.real(StateValues.key("validation.before"));
    after = saved.real(StateValues.key("validation.last"));
    bestStep = count(saved, StateValues.key("best.step"));
    best = saved.real(StateValues.key("best.loss"));
    lowest = saved.real(StateValues.key("validation.lowest"));
    sinceLowest = count(saved, StateValues.key("best.validations_since"));
    skipped = count(saved, StateValues.key("skipped"));
    skippedInARow = count(saved, StateValues.key("skipped_in_a_row"));
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

  /// The keys of a checkpoint.
  public Map<String, GgufValue> values() {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    values.put(StateValues.key("step"), StateValues.whole(step));
    values.put(StateValues.key("evaluated"), StateValues.whole(evaluated));
    values.put(StateValues.key("tokens"), StateValues.whole(tokens));
    values.put(StateValues.key("seconds"), StateValues.real(seconds));
    loss.ifPresent(value -> values.put(StateValues.key("loss"), StateValues.real(value)));
    before.ifPresent(
        value -> values.put(StateValues.key("validation.before"), StateValues.real(value)));
    after.ifPresent(
        value -> values.put(StateValues.key("validation.last"), StateValues.real(value)));
    values.put(StateValues.key("best.step"), StateValues.whole(bestStep));
    best.ifPresent(value -> values.put(StateValues.key("best.loss"), StateValues.real(value)));
    lowest.ifPresent(
        value -> values.put(StateValues.key("validation.lowest"), StateValues.real(value)));
    values.put(StateValues.key("best.validations_since"), StateValues.whole(sinceLowest));
    values.put(StateValues.key("skipped"), StateValues.whole(skipped));
    values.put(StateValues.key("skipped_in_a_row"), StateValues.whole(skippedInARow));
    spread.save(values);
    return values;
  }

  /// A step was taken.
  public void taken(TrainingEvent.StepDone done) {
    step = done.step();
    tokens += done.tokens();
    seconds += done.seconds();
    loss = OptionalDouble.of(done.loss());
    skippedInARow = 0;
    spread.add(done.loss(), done.gradientNorm());
  }

  /// A step was left out.
  public void skipped(int number) {
    step = number;
    skipped++;
    skippedInARow++;
  }

  /// The validation data was measured after the steps done so far.
  ///
  /// @param passes whether the adapter may be the best
  public void evaluated(double mean, boolean passes) {
    evaluated = step;
    after = OptionalDouble.of(mean);
    if (step == 0) {
      before = after;
      return;
    }
    if (lowest.isEmpty() || mean < lowest.getAsDouble()) {
      lowest = after;
      sinceLowest = 0;
    } else {
      sinceLowest++;
    }
    if (passes && (best.isEmpty() || mean < best.getAsDouble())) {
      best = after;
      bestStep = step;
    }
  }

  /// The adapter after the steps done so far was judged without validation data.
  public void judged(boolean passes) {
    bestStep = passes ? step : 0;
  }

  /// Steps done, those left out among them.
  public int step() {
    return step;
  }

  /// Steps that were done when the validation data was measured last; -1 before that.
  public int evaluatedStep() {
    return evaluated;
  }

  public long tokens() {
    return tokens;
  }

  public double seconds() {
    return seconds;
  }

  /// Loss of the last step taken; NaN before the first.
  public double loss() {
    return loss.orElse(Double.NaN);
  }

  public OptionalDouble validationBefore() {
    return before;
  }

  public OptionalDouble validationAfter() {
    return after;
  }

  /// The step after which the best adapter was there, as [#bestStep] has it.
  public int passedStep() {
    return bestStep;
  }

  /// The step after which the validation loss was lowest of those that may be the best; 0 before
  /// any.
  int bestStep() {
    return bestStep;
  }

  OptionalDouble bestLoss() {
    return best;
  }

  /// Validations since the one with the lowest loss.
  public int validationsSinceLowest() {
    return sinceLowest;
  }

  public int skippedSteps() {
    return skipped;
  }

  public int skippedInARow() {
    return skippedInARow;
  }

  public StepSpread spread() {
    return spread;
  }
}
