package io.lorikeet.finetune.evaluation;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.lorikeet.finetune.scoring.ScorerChoice;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Reads a gate's file: YAML. Files that it names are relative to its folder.
final class GateFile {
  private static final List<String> KEYS =
      List.of(
          "improve",
          "keep",
          "divergence",
          "json",
          "tool-calls",
          "length",
          "repetition",
          "echo",
          "tokens",
          "seed");
  private static final int TOKENS = 256;
  private static final int MOST_TOKENS = 1 << 20;
  private static final long SEED = 42;
  private static final double POINTS = 100;

  private final Path file;
  private final List<String> problems = new ArrayList<>();

  private GateFile(Path file) {
    this.file = file;
  }

  /// @throws InvalidInputException with everything in the file that isn't understood
  static Gate read(Path file) throws IOException {
    JsonNode root;
    try {
      root =
          new ObjectMapper(new YAMLFactory())
              .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
              .readTree(Files.readString(file));
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + ": isn't text in UTF-8", e);
    } catch (JsonProcessingException e) {
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      throw new InvalidInputException(
          "%s:%s: this isn't YAML: %s"
              .formatted(file, line, e.getOriginalMessage().lines().findFirst().orElse("")),
          e);
    }
    GateFile reading = new GateFile(file);
    Gate gate = reading.gate(root);
    if (!reading.problems.isEmpty()) {
      throw new InvalidInputException(String.join("\n", reading.problems));
    }
    return gate;
  }

  private Gate gate(JsonNode root) {
    check(root, KEYS, "");
    List<Gate.Rule> improve = rules(root.path("improve"), "improve", List.of("tasks", "scorer"));
    List<Gate.Rule> keep = rules(root.path("keep"), "keep", List.of("tasks", "scorer", "margin"));
    Gate gate =
        new Gate(
            file,
            improve,
            keep,
            number(root, "divergence", "", 0, 1000),
            points(root, "json", ""),
            points(root, "tool-calls", ""),
            number(root, "length", "", 1, 1000),
            points(root, "repetition", ""),
            echo(root.path("echo")),
            number(root, "tokens", "", 1, MOST_TOKENS).map(Double::intValue).orElse(TOKENS),
            number(root, "seed", "", 0, 1L << 53).map(Double::longValue).orElse(SEED));
    if (improve.isEmpty() && problems.isEmpty()) {
      problem("", "'improve' is missing: name at least one task that must become better");
    }
    return gate;
  }

  private List<Gate.Rule> rules(JsonNode list, String name, List<String> known) {
    List<Gate.Rule> rules = new ArrayList<>();
    if (list.isMissingNode() || list.isNull()) {
      return rules;
    }
    if (!list.isArray()) {
      problem(name, "expected a list of entries with 'tasks'");
      return rules;
    }
    for (int i = 0; i < list.size(); i++) {
      JsonNode entry = list.get(i);
      String place = name + "[" + i + "]";
      if (check(entry, known, place)) {
        rules.add(
            new Gate.Rule(
                path(entry, "tasks", place),
                entry.hasNonNull("scorer")
                    ? Optional.of(ScorerChoice.beside(file, entry.get("scorer").asText()))
                    : Optional.empty(),
                points(entry, "margin", place).orElse(0.0)));
      }
    }
    return rules;
  }

  private Optional<Gate.Echo> echo(JsonNode entry) {
    if (entry.isMissingNode() || entry.isNull()) {
      return Optional.empty();
    }
    return check(entry, List.of("data", "margin"), "echo")
        ? Optional.of(
            new Gate.Echo(path(entry, "data", "echo"), points(entry, "margin", "echo").orElse(0.0)))
        : Optional.empty();
  }

  private Path path(JsonNode entry, String key, String place) {
    JsonNode value = entry.path(key);
    if (!value.isTextual() || value.textValue().isBlank()) {
      problem(place, "expected a file under '" + key + "'");
      return file;
    }
    return file.resolveSibling(value.textValue());
  }

  /// A number of points of 100, as a share.
  private Optional<Double> points(JsonNode entry, String key, String place) {
    return number(entry, key, place, 0, POINTS).map(points -> points / POINTS);
  }

  private Optional<Double> number(
      JsonNode entry, String key, String place, double least, double most) {
    JsonNode value = entry.path(key);
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    if (!value.isNumber() || value.doubleValue() < least || value.doubleValue() > most) {
      String of = place.isEmpty() ? key : place + "." + key;
      problem(of, "expected a number from %s to %s, found %s".formatted(least, most, value));
      return Optional.empty();
    }
    return Optional.of(value.doubleValue());
  }

  private boolean check(JsonNode entry, List<String> known, String place) {
    if (!entry.isObject()) {
      problem(place, "expected lines of 'key: value', with " + String.join(", ", known));
      return false;
    }
    entry
        .fieldNames()
        .forEachRemaining(
            key -> {
              if (!known.contains(key)) {
                problem(place, "unknown key '" + key + "'" + NearestName.hint(key, known));
              }
            });
    return true;
  }

  private void problem(String place, String text) {
    problems.add(file + ": " + (place.isEmpty() ? "" : place + ": ") + text);
  }
}
