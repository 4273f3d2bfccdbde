package io.lorikeet.spark;

import io.lorikeet.train.parallel.MachineException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The failure of a task that Spark has given up, in words that name the machine.
final class TaskProblem {
  private static final Pattern LOST_TASK =
      Pattern.compile(
          "Lost task \\S+ in stage \\S+ \\(TID \\d+\\) \\((\\S+) executor (\\S+)\\): (.*)");

  private TaskProblem() {}

  /// @param problem as Spark threw it
  static MachineException of(Throwable problem) {
    String text = String.valueOf(problem.getMessage());
    Matcher lost = LOST_TASK.matcher(text);
    if (lost.find()) {
      return new MachineException(
          "cluster: %s, executor %s, failed again and again: %s"
              .formatted(lost.group(1), lost.group(2), lost.group(3).strip()),
          problem);
    }
    return new MachineException(
        "cluster: the step could not be computed: "
            + text.lines().findFirst().orElse("Spark gives no reason"),
        problem);
  }
}
