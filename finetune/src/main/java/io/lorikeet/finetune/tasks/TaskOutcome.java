package io.lorikeet.finetune.tasks;

import io.lorikeet.export.Verification;
import java.util.Optional;
import java.util.OptionalDouble;

/// The end of a task.
///
/// @param name the task's
/// @param tries of training it; 0 where its adapter was there before
/// @param steps that were taken
/// @param loss of the last step, or of the last validation where there was one
/// @param seconds of its last try
/// @param verdict of its adapter's proof
/// @param machine where it was trained; empty where it was this one
/// @param problem why it has no adapter
public record TaskOutcome(
    String name,
    int tries,
    int steps,
    OptionalDouble loss,
    double seconds,
    Optional<Verification.Verdict> verdict,
    Optional<String> machine,
    Optional<String> problem) {

  /// One whose adapter is there already.
  static TaskOutcome there(String name) {
    return new TaskOutcome(
        name,
        0,
        0,
        OptionalDouble.empty(),
        0,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }
}
