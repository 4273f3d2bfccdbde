package io.lorikeet.train.data.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.train.data.Example;
import io.lorikeet.train.data.SourceLine;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// Examples of one file: makes an [Example] of each record, and counts what was recognized.
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
    records++;
    boolean severalInLine = line == lastLine; // of an array that stands in one line
    lastLine = line;
    try {
      take(value, line);
    } catch (RecordProblem problem) {
      badLine(line, (severalInLine ? "element " + records + ": " : "") + problem.getMessage());
    }
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

  private void take(JsonNode value, int line) {
    JsonNode record = value;
    if (value.isTextual()) {
      record = JsonNodeFactory.instance.objectNode().set("text", value);
    } else if (!value.isObject()) {
      throw new RecordProblem(
          "expected a JSON object or a string, found " + Values.describe(value));
    }
    ObjectNode named = renamed((ObjectNode) record);
    ExampleFormat format = format(named);
    Example.Content content = ExampleParser.parse(named, format);
    named.fieldNames().forEachRemaining(key -> unused(format, key));
    formats.merge(format, 1, Integer::sum);
    examples.accept(new Example(content, file, line));
  }

  private void unused(ExampleFormat format, String key) {
    if (!format.reads(key)) {
      unusedKeys.add(key);
    }
  }

  private ExampleFormat format(ObjectNode record) {
    Set<String> keys = new LinkedHashSet<>();
    record.fieldNames().forEachRemaining(keys::add);
    if (wanted.isPresent()) {
      Optional<String> missing = wanted.get().missing(keys);
      if (missing.isPresent()) {
        throw new RecordProblem(ExampleFormat.explainMissing(missing.get(), keys));
      }
      return wanted.get();
    }
    return ExampleFormat.of(keys).orElseThrow(() -> new RecordProblem(ExampleFormat.explain(keys)));
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
      if (named.path(key).isTextual()) {
        named = named == record ? record.deepCopy() : named;
        String text = named.get(key).textValue();
        if (text.isBlank()) {
          named.remove(key);
        } else {
          named.set(key, list(key, text));
        }
      }
    }
    return named;
  }

  private static JsonNode list(String key, String text) {
    try {
      return JsonRecords.WHOLE.readTree(text);
    } catch (JsonProcessingException _) {
      throw new RecordProblem("'" + key + "' must be a list, or one as JSON text");
    }
  }

  int count() {
    return (document ? 1 : 0) + formats.values().stream().mapToInt(Integer::intValue).sum();
  }

  /// What the file was recognized as.
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
