package io.lorikeet.models.text.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Templates render exactly as Python's jinja2 renders them, and refuse what it refuses, in the
/// same words.
@Tag("slow")
final class ChatTemplateFixturesTest {
  /// Python's and ours differ in words only where either has had enough.
  private static final String PYTHON_DEPTH = "maximum recursion depth exceeded";

  private static final String DEPTH = "nested deeper than";

  private static final Fixtures FIXTURES = Fixtures.read();

  @Test
  void everyTemplateRendersEveryConversation() {
    List<String> differences = new ArrayList<>();
    int count = 0;
    for (String template : FIXTURES.templates().keySet()) {
      for (Map.Entry<String, Fixtures.Expected> entry : FIXTURES.renderings(template).entrySet()) {
        count++;
        String difference = difference(entry.getValue());
        if (difference != null) {
          differences.add(template + ", " + entry.getKey() + ": " + difference);
        }
      }
    }
    assertTrue(count > 5000, "only " + count + " renderings");
    report(differences, count);
  }

  @Test
  void snippets() {
    List<String> differences = new ArrayList<>();
    List<Fixtures.Expected> snippets = FIXTURES.snippets();
    for (Fixtures.Expected snippet : snippets) {
      String difference = difference(snippet);
      if (difference != null) {
        differences.add(snippet.source() + "\n   " + difference);
      }
    }
    report(differences, snippets.size());
  }

  private static void report(List<String> differences, int count) {
    String first = String.join("\n", differences.subList(0, Math.min(40, differences.size())));
    assertEquals(0, differences.size(), differences.size() + " of " + count + " differ:\n" + first);
  }

  /// The difference in words, or null.
  private static String difference(Fixtures.Expected expected) {
    String text = null;
    String error = null;
    try {
      ChatTemplate template = ChatTemplate.of("template", expected.source());
      try {
        text = template.render(expected.variables(), Fixtures.NOW).text();
      } catch (TemplateException e) {
        error = e.reason();
      }
    } catch (TemplateException e) {
      error = e.reason().equals(expected.error()) ? e.reason() : "syntax";
    }
    if (expected.error() != null) {
      boolean deep = expected.error().startsWith(PYTHON_DEPTH);
      boolean same =
          error != null && (deep ? error.contains(DEPTH) : expected.error().equals(error));
      return same
          ? null
          : "expected error [" + expected.error() + "]\n   found [" + error + "] [" + text + "]";
    }
    if (expected.text().equals(text)) {
      return null;
    }
    return error != null
        ? "unexpected error [" + error + "]\n expected " + expected.text().replace("\n", "\\n")
        : firstDifference(expected.text(), text);
  }

  private static String firstDifference(String expected, String found) {
    int at = 0;
    while (at < Math.min(expected.length(), found.length())
        && expected.charAt(at) == found.charAt(at)) {
      at++;
    }
    return "at %d: expected [%s]\n   found [%s]"
        .formatted(at, around(expected, at), around(found, at));
  }

  private static String around(String text, int at) {
    return text.substring(Math.max(0, at - 30), Math.min(text.length(), at + 60))
        .replace("\n", "\\n");
  }
}
