package io.lorikeet.finetune.report;

import io.lorikeet.train.event.TrainingEvent.Sampled;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/// The answers to a run's prompts side by side: a row for each prompt, a column for each of a few
/// times from the first to the last.
final class SampleTable {
  private static final int MOST_TIMES = 5;

  /// Characters of a prompt or an answer that are shown.
  private static final int MOST_CHARACTERS = 240;

  private SampleTable() {}

  /// @param all in the order of their steps, not empty
  static String html(List<Sampled> all) {
    List<Sampled> shown = times(all);
    Set<String> prompts = new LinkedHashSet<>(); // those of a resumed run can be others
    shown.reversed().forEach(time -> time.answers().forEach(a -> prompts.add(a.prompt())));
    List<String> headers = new ArrayList<>(List.of("prompt"));
    shown.forEach(time -> headers.add(time.step() == 0 ? "before" : "step " + time.step()));
    List<List<String>> rows = new ArrayList<>();
    for (String prompt : prompts) {
      List<String> row = new ArrayList<>(List.of(cut(prompt)));
      shown.forEach(time -> row.add(answer(time, prompt)));
      rows.add(row);
    }
    return "<div class=samples>" + Html.table(headers, rows) + "</div>\n";
  }

  private static List<Sampled> times(List<Sampled> all) {
    int count = Math.min(MOST_TIMES, all.size());
    return IntStream.range(0, count)
        .mapToObj(i -> all.get(count == 1 ? 0 : i * (all.size() - 1) / (count - 1)))
        .toList();
  }

  private static String answer(Sampled time, String prompt) {
    return time.answers().stream()
        .filter(answer -> answer.prompt().equals(prompt))
        .findFirst()
        .map(answer -> cut(answer.text()) + (answer.ended() ? "" : " …"))
        .orElse("–");
  }

  private static String cut(String text) {
    return text.codePointCount(0, text.length()) <= MOST_CHARACTERS
        ? text
        : text.substring(0, text.offsetByCodePoints(0, MOST_CHARACTERS)) + "…";
  }
}
