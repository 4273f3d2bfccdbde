package io.lorikeet.train.optimizer;

import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.files.SourceLine;
import java.util.List;
import java.util.stream.Collectors;

/// A loss or gradient that is infinite or no number. The parameters are as they were before the
/// step; the message names the step, where it arose and the lines of data.
public final class NonFiniteException extends UnusableStepException {
  private static final long serialVersionUID = 1L;
  private static final int MOST_NAMED = 8;

  private final boolean ofTheBase;

  private NonFiniteException(boolean ofTheBase, String message) {
    super(message);
    this.ofTheBase = ofTheBase;
  }

  /// @param what "loss" or "gradient"
  /// @param step number of the step that was not taken
  /// @param where the layer or tensor where the first such number arose
  public static NonFiniteException inStep(
      String what, int step, String where, List<MicroBatch> batches) {
    return new NonFiniteException(
        step == 1,
        "step %s: the %s is not a finite number, first in %s; the step was not taken. Its data: %s. %s"
            .formatted(step, what, where, lines(batches), remedy(step - 1)));
  }

  /// @param steps steps taken before
  public static NonFiniteException inValidation(int steps, String where, List<MicroBatch> batches) {
    return new NonFiniteException(
        steps == 0,
        "validation after step %s: the loss is not a finite number, first in %s. Its data: %s. %s"
            .formatted(steps, where, lines(batches), remedy(steps)));
  }

  /// @param where the base tensor that the parameters belong to
  public static NonFiniteException inParameters(int step, String where) {
    return new NonFiniteException(
        false,
        "step %s: the parameters are not finite numbers after it, first those of %s. %s"
            .formatted(step, where, remedy(step)));
  }

  /// Steps were left out one after the other, and this one too.
  public static NonFiniteException again(UnusableStepException last, int inARow) {
    return new NonFiniteException(
        last.isOfTheBase(),
        "%s steps in a row could not be taken. The last of them: %s"
            .formatted(inARow, last.getMessage()));
  }

  /// The run went back to the same state again and again.
  ///
  /// @param state step after which it was saved
  public static NonFiniteException inVain(UnusableStepException last, int state, int times) {
    return new NonFiniteException(
        last.isOfTheBase(),
        "the run went back to the state of step %s %s times and got no further. The last time: %s"
            .formatted(state, times, last.getMessage()));
  }

  private static String remedy(int steps) {
    return steps == 0
        ? "Nothing is trained yet: the base itself does this, look at its file or try --precision f32."
        : "A lower --learning-rate may help.";
  }

  static String lines(List<MicroBatch> batches) {
    List<SourceLine> sources =
        batches.stream().flatMap(batch -> batch.sources().stream()).distinct().toList();
    String named =
        sources.stream()
            .limit(MOST_NAMED)
            .map(SourceLine::toString)
            .collect(Collectors.joining(", "));
    int more = sources.size() - MOST_NAMED;
    return more > 0 ? named + " and " + more + " more" : named;
  }

  @Override
  public boolean isOfTheBase() {
    return ofTheBase;
  }

  @Override
  public String kind() {
    return "not finite";
  }

  public static boolean allFinite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }
}
