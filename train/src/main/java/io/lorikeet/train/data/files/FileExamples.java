package io.lorikeet.train.data.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;

/// Examples of one file: makes an [Example] of each record, and counts the recognized layouts.
final class FileExamples implements RecordSink {
  /// Lists that tables, and some files of JSON, have as text.
  private static final List<String> LISTS = List.of("messages", "conversations", "history");

  private final String file;
  private final Map<String, String> columns;
  private final Optional<ExampleFormat> wanted;
  private final LineProblems badLines;
  private final LineProblems badFiles;
  private final Consumer<Example> examples;
  private final Map<ExampleFormat, Integer> formats = new EnumMap<>(ExampleFormat.class);
  private final Set<String> unusedKeys = new LinkedHashSet<>();
  private boolean document;
  private int records;
  private int lastLine;

  /// @param columns keys of the file by the keys that they stand for
  /// @param wanted the layout of all records; empty to recognize each
  FileExamples(
      String file,
      Map<String, String> columns,
      Optional<ExampleFormat> wanted,
      LineProblems badLines,
      LineProblems badFiles,
      Consumer<Example> examples) {
    this.file = file;
    this.columns = columns;
    this.wanted = wanted;
    this.badLines = badLines;
    this.badFiles = badFiles;
    this.examples = examples;
  }

  String file() {
    return file;
  }

  @Override
  public void record(JsonNode value, int line) {
    take(value, line, false);
  }

  @Override
  public void row(ObjectNode cells, int line) {
    take(cells, line, true);
  }

  @Override
  public boolean uses(String column) {
    return column.equals(Example.SCORER)
        || column.equals(Example.LABEL)
        || columns.containsValue(column)
        || wanted
            .map(format -> format.reads(column))
            .orElseGet(() -> ExampleFormat.knownKeys().contains(column));
  }

  /// A stretch of a file that is a document.
  void block(String text, int line, boolean ends) {
    if (!text.isBlank()) {
      document = true;
      examples.accept(new Example(new Example.Document(text, ends), file, line));
    }
  }

  @Override
  public void badLine(int line, String text) {
    badLines.add(new SourceLine(file, line), text);
  }

  @Override
  public void badFile(int line, String text) {
    badFiles.add(line > 0 ? file + ":" + line : file, text);
  }

  private void take(JsonNode value, int line, boolean cells) {
    records++;
    boolean severalInLine = line == lastLine; // of an array that stands in one line
    lastLine = line;
    try {
      ObjectNode record = renamed(object(value));
      Example.Content content = content(record, cells);
      examples.accept(new Example(content, file, line, scorer(value), label(content, record)));
    } catch (RecordProblem problem) {
      badLine(line, (severalInLine ? "element " + records + ": " : "") + problem.getMessage());
    }
  }

  private static Optional<Object> scorer(JsonNode record) {
    JsonNode scorer = record.path(Example.SCORER);
    return JsonValues.isAbsent(scorer)
        ? Optional.empty()
        : Optional.ofNullable(JsonValues.plain(scorer, "'" + Example.SCORER + "'"));
  }

  /// Whether the answer is a good one, where the record says so: anything else under the key is
  /// about something else.
  private static Optional<Boolean> label(Example.Content content, JsonNode record) {
    if (content instanceof Example.Preference || content instanceof Example.Retrieval) {
      return Optional.empty();
    }
    return switch (record.path(Example.LABEL).asText().strip().toLowerCase(Locale.ROOT)) {
      case "true" -> Optional.of(true);
      case "false" -> Optional.of(false);
      default -> Optional.empty();
    };
  }

  private static ObjectNode object(JsonNode value) {
    if (value.isTextual()) {
      return JsonNodeFactory.instance.objectNode().set("text", value);
    } else if (!value.isObject()) {
      throw new RecordProblem(
          "expected a JSON object or a string, found " + JsonValues.describe(value));
    }
    return (ObjectNode) value;
  }

  private Example.Content content(ObjectNode named, boolean cells) {
    ExampleFormat format = format(named, cells);
    Example.Content content = ExampleParser.parse(named, format);
    if (format == ExampleFormat.OPEN_WEBUI_FEEDBACK) {
      named.put(Example.LABEL, OpenWebUi.isGood(named));
    }
    boolean labelled = label(content, named).isPresent();
    named
        .fieldNames()
        .forEachRemaining(
            key -> {
              if (!(labelled && key.equals(Example.LABEL))) {
                unused(format, key);
              }
            });
    formats.merge(format, 1, Integer::sum);
    return content;
  }

  private void unused(ExampleFormat format, String key) {
    if (!format.reads(key)) {
      unusedKeys.add(key);
    }
  }

  /// The layout of a record, which is left without the keys that have no value.
  ///
  /// @param cells whether empty texts may stand for no value
  private ExampleFormat format(ObjectNode record, boolean cells) {
    Set<String> nulls = keys(record, JsonNode::isNull);
    record.remove(nulls);
    Set<String> keys = keys(record, _ -> true);
    if (wanted.isPresent()) {
      Optional<String> missing = wanted.get().missing(keys);
      if (missing.isPresent()) {
        throw new RecordProblem(ExampleFormat.explainMissing(missing.get(), keys, nulls));
      }
      return wanted.get();
    }
    Optional<ExampleFormat> found = ExampleFormat.of(keys);
    if (cells) {
      Set<String> filled = keys(record, value -> !JsonValues.isAbsent(value));
      if (keys.contains(ExampleFormat.MAY_BE_EMPTY)) {
        filled.add(ExampleFormat.MAY_BE_EMPTY);
      }
      found = ExampleFormat.of(filled).or(() -> ExampleFormat.of(keys));
    }
    return found.orElseThrow(() -> new RecordProblem(explain(record, keys, nulls)));
  }

  private static String explain(ObjectNode record, Set<String> keys, Set<String> nulls) {
    for (String key : keys) {
      JsonNode value = record.get(key);
      // Ratings of Open WebUI have an object under such a key, never a list.
      boolean known =
          ExampleFormat.knownKeys().contains(key)
              && !ExampleFormat.OPEN_WEBUI_FEEDBACK.keys().contains(key);
      if (value.isArray() && value.path(0).isObject() && !known) {
        return "an object with a list under '%s', no example; give the list alone, as jq '.%s' writes it"
            .formatted(key, key);
      }
    }
    return ExampleFormat.explain(keys, nulls);
  }

  private static Set<String> keys(ObjectNode record, Predicate<JsonNode> which) {
    Set<String> keys = new LinkedHashSet<>();
    for (Map.Entry<String, JsonNode> entry : record.properties()) {
      if (which.test(entry.getValue())) {
        keys.add(entry.getKey());
      }
    }
    return keys;
  }

  /// The record under the keys that layouts have, and lists in the place of their text.
  private ObjectNode renamed(ObjectNode record) {
    ObjectNode named = record;
    if (!columns.isEmpty()) {
      named = record.deepCopy();
      for (Map.Entry<String, String> column : columns.entrySet()) {
        JsonNode value = record.get(column.getValue());
        if (value == null) {
          throw new RecordProblem(
              "'%s', which --columns names for '%s', is missing"
                  .formatted(column.getValue(), column.getKey()));
        }
        named.remove(column.getValue());
        named.set(column.getKey(), value);
      }
    }
    for (String key : LISTS) {
      JsonNode given = named.path(key);
      if (given.isTextual()) {
        named.set(key, given.textValue().isBlank() ? null : list(key, given.textValue()));
      }
    }
    return named;
  }

  private static JsonNode list(String key, String text) {
    try {
      return JsonText.read(text);
    } catch (JsonText.MalformedException e) {
      throw new RecordProblem(
          "'%s' must be a list, or one as JSON text; %s".formatted(key, e.getMessage()));
    }
  }

  int count() {
    return (document ? 1 : 0) + formats.values().stream().mapToInt(Integer::intValue).sum();
  }

  /// The layout that was recognized, in words.
  String summary() {
    if (document) {
      return file + ": plain text, one document";
    }
    List<String> parts = new ArrayList<>();
    formats.forEach(
        (format, count) ->
            parts.add(
                String.format(
                    Locale.ROOT, "%,d example%s of %s", count, count == 1 ? "" : "s", format)));
    String unused = unusedKeys.isEmpty() ? "" : "; not used: " + String.join(", ", unusedKeys);
    return file + ": " + String.join(", ", parts) + unused;
  }
}
