package io.lorikeet.finetune.scoring;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// Scorers by their names: `exact`, `number`, `contains`, `json`, `tool-call`, or, with what they
/// need after a colon, `regex:PATTERN`, `json-schema:FILE` and `program:COMMAND`.
public final class ScorerChoice {
  private static final String REGEX = "regex";
  private static final String SCHEMA = "json-schema";
  private static final String PROGRAM = "program";

  private static final Map<String, Scorer> SIMPLE =
      Map.of(
          "exact", TextScorers::exact,
          "number", TextScorers::number,
          "contains", TextScorers::contains,
          "json", JsonScorers::valid,
          "tool-call", ToolCallScorer::score);

  /// The names, as they are given.
  public static final List<String> NAMES =
      List.of("exact", "number", "contains", REGEX, "json", SCHEMA, "tool-call", PROGRAM);

  /// The scorer of tool calls.
  public static final String TOOL_CALL = "tool-call";

  private static final Duration LIMIT = Duration.ofSeconds(10);

  private ScorerChoice() {}

  /// The scorer of a text that a person has typed.
  ///
  /// @throws InvalidInputException when there is none such, or what it needs isn't there
  public static Scorer named(String text) throws IOException {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    String given = colon < 0 ? "" : text.substring(colon + 1);
    if (name.equals(PROGRAM)) {
      return new ProgramScorer(need(given, text, "a command"), LIMIT);
    }
    if (name.equals(SCHEMA)) {
      String file = need(given, text, "a file");
      JsonNode schema =
          JsonScorers.read(Files.readString(Path.of(file)))
              .orElseThrow(() -> new InvalidInputException(file + ": this isn't JSON"));
      return JsonScorers.schema(schema, file);
    }
    return simple(name, given, text);
  }

  /// The name with its file, if it asks for one, found beside another.
  public static String beside(Path other, String text) {
    return file(text).map(file -> SCHEMA + ":" + other.resolveSibling(file)).orElse(text);
  }

  /// The file that a scorer's name asks for: a schema.
  public static Optional<Path> file(String text) {
    String before = SCHEMA + ":";
    return text.startsWith(before) && text.length() > before.length()
        ? Optional.of(Path.of(text.substring(before.length())))
        : Optional.empty();
  }

  /// The scorer that a task's own `scorer` key asks for: a name with what it needs, or an object of
  /// one key, such as `{"json-schema": {…}}`. A task can't name a program or a file: data of
  /// strangers would run it.
  ///
  /// @param value maps, lists, strings, numbers and booleans
  /// @throws InvalidInputException when there is none such
  public static Scorer ofTask(Object value) {
    if (value instanceof Map<?, ?> object && object.size() == 1) {
      Map.Entry<?, ?> entry = object.entrySet().iterator().next();
      String name = String.valueOf(entry.getKey());
      return name.equals(SCHEMA)
          ? JsonScorers.schema(JsonScorers.JSON.valueToTree(entry.getValue()), "its schema")
          : ofTask(name, String.valueOf(entry.getValue()));
    }
    if (value instanceof String text) {
      int colon = text.indexOf(':');
      return colon < 0
          ? ofTask(text, "")
          : ofTask(text.substring(0, colon), text.substring(colon + 1));
    }
    throw new InvalidInputException(
        "expected a name, or an object of one key, such as {\"regex\": \"…\"}");
  }

  private static Scorer ofTask(String name, String given) {
    if (name.equals(PROGRAM)) {
      throw new InvalidInputException(
          "data can't name a program to run; give it by --scorer program:COMMAND");
    }
    if (name.equals(SCHEMA)) {
      throw new InvalidInputException(
          "expected the schema itself, {\"json-schema\": {…}}, or --scorer json-schema:FILE");
    }
    return simple(name, given, given.isEmpty() ? name : name + ":" + given);
  }

  private static Scorer simple(String name, String given, String text) {
    if (name.equals(REGEX)) {
      try {
        return TextScorers.matches(Pattern.compile(need(given, text, "a pattern")));
      } catch (PatternSyntaxException e) {
        throw new InvalidInputException(
            "'%s' is no regular expression: %s".formatted(given, e.getDescription()), e);
      }
    }
    Scorer simple = SIMPLE.get(name);
    if (simple == null) {
      throw new InvalidInputException(
          "no scorer is called '%s'; there are %s%s"
              .formatted(name, String.join(", ", NAMES), NearestName.hint(name, NAMES)));
    }
    if (!given.isEmpty()) {
      throw new InvalidInputException("'" + text + "': " + name + " takes nothing after a colon");
    }
    return simple;
  }

  private static String need(String given, String text, String what) {
    if (given.isBlank()) {
      throw new InvalidInputException("'%s' needs %s after a colon".formatted(text, what));
    }
    return given;
  }

  /// Whether the answer is JSON, whatever the reference.
  public static Scorer json() {
    return JsonScorers::valid;
  }

  /// Whether the answer calls any tool.
  public static Scorer anyToolCall() {
    return (_, answer) -> Score.of(ToolCallScorer.calls(answer));
  }

  /// The scorer of a question that names none: whether the same tools are called, where the
  /// reference calls some, or else whether the text is the same.
  public static Scorer byReference() {
    return (question, answer) ->
        question.calls().isEmpty()
            ? TextScorers.exact(question, answer)
            : ToolCallScorer.score(question, answer);
  }
}
