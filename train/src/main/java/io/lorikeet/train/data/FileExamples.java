package io.lorikeet.train.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// Examples of one file: checks each JSON value, makes an [Example] of it, and counts what was
/// recognized.
final class FileExamples {
  private final String file;
  private final LineProblems problems;
  private final Consumer<Example> examples;
  private final Map<ExampleFormat, Integer> formats = new EnumMap<>(ExampleFormat.class);
  private final Set<String> unusedKeys = new LinkedHashSet<>();
  private int documents;

  FileExamples(String file, LineProblems problems, Consumer<Example> examples) {
    this.file = file;
    this.problems = problems;
    this.examples = examples;
  }

  String file() {
    return file;
  }

  /// A JSON value that should be an example.
  void add(JsonNode node, int line) {
    if (node.isTextual()) {
      take(ExampleFormat.TEXT, Map.of("text", node.textValue()), line);
      return;
    }
    if (!node.isObject()) {
      bad(line, "expected a JSON object or a string, found " + describe(node));
      return;
    }
    Set<String> keys = new LinkedHashSet<>();
    node.fieldNames().forEachRemaining(keys::add);
    Optional<ExampleFormat> format = ExampleFormat.of(keys);
    if (format.isEmpty()) {
      bad(line, ExampleFormat.explain(keys));
      return;
    }
    Map<String, String> values = new HashMap<>();
    for (String key : keys) {
      JsonNode value = node.get(key);
      if (!format.get().reads(key)) {
        unusedKeys.add(key);
      } else if (value.isTextual()) {
        values.put(key, value.textValue());
      } else if (!value.isNull() || !key.equals(ExampleFormat.OPTIONAL_KEY)) {
        bad(line, "'" + key + "' must be a string, found " + describe(value));
        return;
      }
    }
    take(format.get(), values, line);
  }

  /// A whole file.
  void addDocument(String text) {
    if (!text.isBlank()) {
      documents++;
      examples.accept(new Example(null, text, true, file, 1));
    }
  }

  void bad(int line, String text) {
    problems.add(new SourceLine(file, line), text);
  }

  private void take(ExampleFormat format, Map<String, String> values, int line) {
    for (Map.Entry<String, String> entry : values.entrySet()) {
      String key = entry.getKey();
      String trouble = unfit(entry.getValue());
      boolean mayBeEmpty = key.equals(ExampleFormat.OPTIONAL_KEY) || key.equals("prompt");
      if (!trouble.isEmpty()) {
        bad(line, "'" + key + "' holds " + trouble);
        return;
      }
      if (entry.getValue().isBlank() && !mayBeEmpty) {
        bad(line, "'" + key + "' is empty");
        return;
      }
    }
    formats.merge(format, 1, Integer::sum);
    examples.accept(format.example(values, file, line));
  }

  /// What keeps a text from being tokenized faithfully.
  private static String unfit(String text) {
    for (int i = 0; i < text.length(); i++) {
      char next = text.charAt(i);
      if (next == 0) {
        return "a NUL character";
      }
      if (Character.isSurrogate(next)) {
        boolean pair =
            Character.isHighSurrogate(next)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (!pair) {
          return "half of a surrogate pair, \\u"
              + Integer.toHexString(next)
              + ", which is no character";
        }
        i++;
      }
    }
    return "";
  }

  int count() {
    return documents + formats.values().stream().mapToInt(Integer::intValue).sum();
  }

  /// What the file was recognized as.
  String summary() {
    if (documents > 0) {
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

  private static String describe(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case BOOLEAN -> "true or false";
      case NULL -> "null";
      case NUMBER -> "a number";
      case OBJECT -> "an object";
      case STRING -> "a string";
      default -> "nothing";
    };
  }
}
