package io.lorikeet.train.settings;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import io.lorikeet.train.data.files.ExampleFormat;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Configuration files: YAML, one `key: value` for each setting, with the keys of the flags. Lists
/// are written as YAML lists or as one value. Paths are relative to the working folder, as they are
/// for flags.
public final class ConfigFile {
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

  private final Path file;
  private final TrainingOptions options = new TrainingOptions();
  private final List<String> problems = new ArrayList<>();

  private ConfigFile(Path file) {
    this.file = file;
  }

  /// Reads a configuration file. Unknown keys are errors.
  ///
  /// @throws InvalidInputException with everything in the file that isn't understood, and the lines
  public static TrainingOptions read(Path file) throws IOException {
    try {
      return parse(file, Files.readString(file));
    } catch (NoSuchFileException _) {
      throw new InvalidInputException("config: there is no file " + file);
    } catch (CharacterCodingException _) {
      throw new InvalidInputException(file + ": isn't text in UTF-8");
    }
  }

  /// Reads what [#write] made, or anything like it.
  ///
  /// @param file where it stands, for messages
  public static TrainingOptions parse(Path file, String text) throws IOException {
    ConfigFile reading = new ConfigFile(file);
    try (JsonParser parser = new YAMLFactory().createParser(text)) {
      reading.settings(parser);
    } catch (JsonProcessingException e) {
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      reading.problem(line, "this isn't YAML: " + firstLine(e.getOriginalMessage()));
    }
    if (!reading.problems.isEmpty()) {
      throw new InvalidInputException(String.join("\n", reading.problems));
    }
    return reading.options;
  }

  /// The configuration as YAML that [#read] understands.
  public static String write(TrainingConfig config) {
    Map<String, Object> settings = config.settings();
    if (config.find(Settings.INIT_ADAPTER).isPresent()) {
      // They come with the adapter, and giving them besides is refused.
      Settings.all(Setting.Trait.OF_INITIAL_ADAPTER).forEach(own -> settings.remove(own.key()));
    }
    YAMLFactory yaml =
        YAMLFactory.builder().disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER).build();
    try {
      return new ObjectMapper(yaml).writeValueAsString(settings);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("settings are plain values", e);
    }
  }

  private void settings(JsonParser parser) throws IOException {
    JsonToken start = parser.nextToken();
    if (start == null) {
      return; // nothing but comments: nothing is set
    }
    if (start != JsonToken.START_OBJECT) {
      problem(line(parser), "expected lines of 'key: value'");
      return;
    }
    Set<String> seen = new HashSet<>();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      int line = line(parser);
      if (key.equals(Settings.DATA.key()) && seen.add(key)) {
        sources(parser);
        continue;
      }
      Optional<List<String>> texts = value(parser);
      Optional<Setting<?>> setting = Settings.named(key);
      if (setting.isEmpty()) {
        problem(line, "unknown key '" + key + "'" + FamiliarNames.hint(key, Settings.keys()));
      } else if (!seen.add(key)) {
        problem(line, key + " was already given above");
      } else if (texts.isEmpty()) {
        problem(
            line,
            key
                + ": expected "
                + (setting.get().list() ? "a value or a list of values" : "a value"));
      } else if (!texts.get().isEmpty()) {
        set(setting.get(), texts.get(), line);
      }
    }
  }

  /// The sources of data: names, or objects of `path`, `weight` and `format`; one or a list.
  private void sources(JsonParser parser) throws IOException {
    List<DataSource> sources = new ArrayList<>();
    int line = line(parser);
    if (parser.nextToken() == JsonToken.START_ARRAY) {
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        source(parser).ifPresent(sources::add);
      }
    } else if (parser.currentToken() != JsonToken.VALUE_NULL) {
      source(parser).ifPresent(sources::add);
    }
    if (!sources.isEmpty()) {
      options.set(Settings.DATA, sources, file.getFileName() + ", line " + line);
    }
  }

  private Optional<DataSource> source(JsonParser parser) throws IOException {
    int line = line(parser);
    try {
      JsonNode value = YAML.readTree(parser);
      if (value.isObject()) {
        return Optional.of(source((ObjectNode) value));
      }
      if (value.isValueNode()) {
        return Optional.of(Settings.DATA.parse(List.of(value.asText())).getFirst());
      }
      throw new IllegalArgumentException("expected a file, or path, weight and format");
    } catch (IllegalArgumentException e) {
      problem(line, Settings.DATA.key() + ": " + e.getMessage());
      return Optional.empty();
    }
  }

  private static DataSource source(ObjectNode value) {
    NearestName.requireKnown(value.fieldNames(), List.of("path", "weight", "format"));
    if (!value.path("path").isTextual()) {
      throw new IllegalArgumentException("expected a file under 'path'");
    }
    double weight = 1;
    if (value.has("weight")) {
      weight = DataSource.WEIGHTS.parse(value.get("weight").asText());
    }
    Optional<ExampleFormat> format =
        value.has("format")
            ? Optional.of(Settings.FORMAT.parse(List.of(value.get("format").asText())))
            : Optional.empty();
    return new DataSource(value.get("path").textValue(), weight, format);
  }

  private void set(Setting<?> setting, List<String> texts, int line) {
    try {
      options.setText(setting, texts, file.getFileName() + ", line " + line);
    } catch (IllegalArgumentException e) {
      problem(line, setting.key() + ": " + e.getMessage());
    }
  }

  /// The next value as text: one, several for a list, none for null, and nothing at all for
  /// anything deeper.
  private static Optional<List<String>> value(JsonParser parser) throws IOException {
    JsonToken token = parser.nextToken();
    if (token == JsonToken.VALUE_NULL) {
      return Optional.of(List.of());
    }
    if (token.isScalarValue()) {
      return Optional.of(List.of(parser.getText()));
    }
    if (token == JsonToken.START_OBJECT) {
      parser.skipChildren();
      return Optional.empty();
    }
    List<String> texts = new ArrayList<>();
    boolean flat = true;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      flat &= parser.currentToken().isScalarValue();
      texts.add(parser.getText());
      parser.skipChildren();
    }
    return flat ? Optional.of(texts) : Optional.empty();
  }

  private void problem(int line, String text) {
    problems.add(file + (line > 0 ? ":" + line : "") + ": " + text);
  }

  private static int line(JsonParser parser) {
    return parser.currentTokenLocation().getLineNr();
  }

  private static String firstLine(String text) {
    return text.lines().findFirst().orElse("");
  }
}
