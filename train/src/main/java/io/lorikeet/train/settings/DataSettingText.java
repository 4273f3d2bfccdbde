package io.lorikeet.train.settings;

import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.quant.NearestName;
import io.lorikeet.train.data.files.ExampleFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/// Reads and writes the settings of data; what can't be read is an IllegalArgumentException with
/// what was expected.
final class DataSettingText {
  private DataSettingText() {}

  /// Files, folders or patterns.
  static List<DataSource> sources(List<String> texts) {
    return texts.stream().map(DataSettingText::source).toList();
  }

  /// As a configuration file has them: names, or keys and values.
  static List<Object> sourceTexts(List<DataSource> sources) {
    return sources.stream().map(DataSource::setting).toList();
  }

  private static DataSource source(String text) {
    if (text.isBlank()) {
      throw new IllegalArgumentException("expected a file name, found '" + text + "'");
    }
    return DataSource.of(text);
  }

  /// Old data and its shares.
  static List<ReplaySource> replays(List<String> texts) {
    return texts.stream().map(ReplaySource::parse).toList();
  }

  /// As [#replays] reads them.
  static List<String> replayTexts(List<ReplaySource> replays) {
    return replays.stream().map(ReplaySource::text).toList();
  }

  /// Between two pairs of keys: a key of the data can have commas in it.
  private static final Pattern BETWEEN_PAIRS = Pattern.compile(",(?=\\s*[a-z_]+\\s*=)");

  /// Keys of the data by the keys that they stand for.
  static Map<String, String> columns(List<String> texts) {
    Map<String, String> columns = new LinkedHashMap<>();
    List<String> pairs = texts.stream().flatMap(BETWEEN_PAIRS::splitAsStream).toList();
    for (String pair : pairs) {
      int sign = pair.indexOf('=');
      if (sign <= 0 || sign == pair.length() - 1) {
        throw new IllegalArgumentException(
            "expected pairs such as prompt=question, found '" + pair + "'");
      }
      String key = pair.substring(0, sign).strip();
      if (!ExampleFormat.knownKeys().contains(key)) {
        throw new IllegalArgumentException(
            "'%s' is the key of no layout; keys are %s%s"
                .formatted(
                    key,
                    String.join(", ", ExampleFormat.knownKeys()),
                    NearestName.hint(key, ExampleFormat.knownKeys())));
      }
      if (columns.put(key, pair.substring(sign + 1).strip()) != null) {
        throw new IllegalArgumentException("'" + key + "' is given twice");
      }
    }
    return columns;
  }

  /// As [#columns] reads them.
  static List<String> columnTexts(Map<String, String> columns) {
    return columns.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
  }

  /// A whole number is a number of examples, another number a share of the data, all else a file.
  static ValidationData validation(String text) {
    if (text.strip().matches("[0-9]+")) {
      return new ValidationData.Count((int) ValidationData.Count.RANGE.parse(text));
    }
    return DecimalRange.isNumber(text)
        ? new ValidationData.Fraction(Double.parseDouble(text))
        : new ValidationData.FromFile(source(text));
  }

  /// As [#validation] reads it; empty for none.
  static Object validationText(ValidationData data) {
    return switch (data) {
      case ValidationData.None() -> "";
      case ValidationData.FromFile(DataSource source) -> source.absolutePath();
      case ValidationData.Count(int examples) -> examples;
      case ValidationData.Fraction(double share) -> share;
    };
  }

  /// A template's name; or its file, with its whole path.
  static String template(String name) {
    boolean file = !ChatTemplates.BUILT_IN.contains(name) && Files.isRegularFile(Path.of(name));
    return file ? Path.of(name).toAbsolutePath().toString() : name;
  }
}
