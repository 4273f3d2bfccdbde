package io.lorikeet.cli;

import io.lorikeet.finetune.evaluation.GateVerdict;
import io.lorikeet.finetune.evaluation.PairedDifference;
import io.lorikeet.finetune.evaluation.TaskResult;
import io.lorikeet.finetune.evaluation.TaskResult.AnswerPair;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.train.event.TrainingEvent.Check;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The results of tasks in words: scores before and after, and answers that changed.
final class EvaluationText {
  private static final int SHOWN = 5; // answers of each kind
  private static final int LONGEST = 160; // characters of a text

  private EvaluationText() {}

  /// @param compared `adapter` or `merged file`; empty where only the base has answered
  static List<String> lines(List<TaskResult> results, String compared) {
    List<String> lines = new ArrayList<>();
    TableText table =
        compared.isEmpty()
            ? new TableText("task", "questions", "base")
            : new TableText(
                "task",
                "questions",
                "base",
                compared,
                "difference",
                "95 % interval",
                "better",
                "worse");
    results.forEach(result -> table.row(row(result)));
    lines.addAll(table.lines());
    if (!compared.isEmpty()) {
      lines.add(
          "Differences are in points of 100; intervals by a paired bootstrap, seed %s."
              .formatted(results.getFirst().seed()));
    }
    for (TaskResult result : results) {
      result
          .failures()
          .forEach(
              (why, count) ->
                  lines.add(
                      "%s: not scored, taken for 0: %s of its answers: %s"
                          .formatted(result.name(), Words.count(count), why)));
    }
    for (TaskResult result : results) {
      changed(result, "worse", result.losses(), compared, lines);
      changed(result, "better", result.wins(), compared, lines);
    }
    return lines;
  }

  /// The conditions of a gate, one a line, and the verdict.
  static List<String> lines(GateVerdict verdict) {
    List<String> lines = new ArrayList<>();
    lines.add("");
    for (Check check : verdict.checks()) {
      lines.add(
          "  %-5s %s: %s (required: %s)"
              .formatted(
                  check.passed() ? "ok" : "FAILS",
                  check.name(),
                  check.measured(),
                  check.required()));
    }
    long failed = verdict.checks().stream().filter(check -> !check.passed()).count();
    lines.add(
        verdict.passes()
            ? "ship: all %s conditions hold".formatted(verdict.checks().size())
            : "don't ship: %s of %s conditions fail".formatted(failed, verdict.checks().size()));
    return lines;
  }

  private static List<String> row(TaskResult result) {
    List<String> row = new ArrayList<>();
    row.add(result.name());
    row.add(Words.count(result.outcomes().size()));
    row.add(points(result.scoreBefore()));
    if (result.after()) {
      PairedDifference difference = result.difference();
      row.add(points(result.scoreAfter()));
      row.add(signed(difference.mean()));
      row.add(signed(difference.lower()) + " to " + signed(difference.upper()));
      row.add(Words.count(result.wins().size()));
      row.add(Words.count(result.losses().size()));
    }
    return row;
  }

  static String points(double score) {
    return String.format(Locale.ROOT, "%.1f", 100 * score);
  }

  static String signed(double difference) {
    return String.format(Locale.ROOT, "%+.1f", 100 * difference + 0.0);
  }

  private static void changed(
      TaskResult result,
      String how,
      List<AnswerPair> outcomes,
      String compared,
      List<String> lines) {
    if (outcomes.isEmpty()) {
      return;
    }
    lines.add("");
    lines.add(
        "%s: %s answered %s%s"
            .formatted(
                result.name(),
                Words.count(outcomes.size()),
                how,
                outcomes.size() > SHOWN ? ", of which the first " + SHOWN : ""));
    for (AnswerPair outcome : outcomes.subList(0, Math.min(SHOWN, outcomes.size()))) {
      lines.add("  " + outcome.question().place() + "  " + shown(outcome.question().prompt()));
      lines.add("    %-12s%s".formatted("reference", shown(outcome.question().reference())));
      lines.add("    %-12s%s".formatted("base", shown(outcome.before().answer().text())));
      lines.add("    %-12s%s".formatted(compared, shown(outcome.after().answer().text())));
    }
  }

  /// A text on one line, in quotation marks, its middle left out where it is long. Control
  /// characters are escaped.
  static String shown(String text) {
    String bounded = text;
    if (text.codePointCount(0, text.length()) > LONGEST) {
      int half = LONGEST / 2;
      bounded =
          text.substring(0, text.offsetByCodePoints(0, half))
              + " … "
              + text.substring(text.offsetByCodePoints(text.length(), -half));
    }
    StringBuilder line = new StringBuilder("\"");
    for (int codePoint : bounded.codePoints().toArray()) {
      switch (codePoint) {
        case '\n' -> line.append("\\n");
        case '\t' -> line.append("\\t");
        default -> {
          if (Character.isISOControl(codePoint)
              || Character.getType(codePoint) == Character.FORMAT) {
            line.append(String.format(Locale.ROOT, "\\u%04x", codePoint));
          } else {
            line.appendCodePoint(codePoint);
          }
        }
      }
    }
    return line.append('"').toString();
  }
}
