package io.lorikeet.train.settings;

import io.lorikeet.train.data.files.ExampleFormat;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// Where examples come from.
///
/// @param path a file, a folder, a pattern such as `data/*.jsonl`, or `-` for standard input
/// @param weight how often an epoch goes through these examples: 2 is twice, 0.5 is half of them
/// @param format the layout of all its records; empty to recognize each by its keys
public record DataSource(String path, double weight, Optional<ExampleFormat> format) {
  static final DecimalRange WEIGHTS = new DecimalRange(1e-6, 1e6);

  public DataSource {
    if (!WEIGHTS.contains(weight)) {
      throw new IllegalArgumentException("the weight must be " + WEIGHTS + ", is " + weight);
    }
  }

  /// A source whose examples count once, in layouts that are recognized.
  public static DataSource of(String path) {
    return new DataSource(path, 1, Optional.empty());
  }

  /// A file, likewise.
  public static DataSource of(Path file) {
    return of(file.toString());
  }

  /// The nearest weight that a source can have.
  public static double clamp(double weight) {
    return Math.clamp(weight, 1e-6, 1e6);
  }

  /// Whether it can be read only once.
  public boolean isStandardInput() {
    return path.equals("-");
  }

  /// The path so that it can be used from any folder.
  String absolutePath() {
    if (isStandardInput()) {
      return path;
    }
    try {
      return Path.of(path).toAbsolutePath().toString();
    } catch (InvalidPathException _) {
      return path; // a pattern, on a system whose names can't have its signs
    }
  }

  /// As a configuration file has it: the absolute path alone, or keys and values.
  Object setting() {
    if (weight == 1 && format.isEmpty()) {
      return absolutePath();
    }
    Map<String, Object> keys = new LinkedHashMap<>();
    keys.put("path", absolutePath());
    if (weight != 1) {
      keys.put("weight", weight);
    }
    format.ifPresent(layout -> keys.put("format", layout.option()));
    return keys;
  }

  @Override
  public String toString() {
    return path;
  }
}
