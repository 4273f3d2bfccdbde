package io.lorikeet.finetune.sweep;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The decisions of a sweep, `sweep.jsonl` in its folder: a line of JSON each. The first one has
/// the plan. A sweep that goes on reads them again, and adds those that are missing.
final class SweepLog {
  static final String NAME = "sweep.jsonl";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final List<String> before;
  private int next;

  private SweepLog(Path file, List<String> before) {
    this.file = file;
    this.before = before;
  }

  /// Opens the log. Half a line at the end, of a process that was killed, is cut off.
  static SweepLog open(Path folder) throws IOException {
    Path file = folder.resolve(NAME);
    if (!Files.exists(file)) {
      return new SweepLog(file, List.of());
    }
    String text = Files.readString(file);
    String whole = text.substring(0, text.lastIndexOf('\n') + 1);
    if (whole.length() < text.length()) {
      Files.writeString(file, whole);
    }
    return new SweepLog(file, whole.lines().toList());
  }

  /// Notes a decision; one that was noted before must be the same.
  ///
  /// @throws InvalidInputException where it is another
  void decide(Map<String, Object> decision) throws IOException {
    Optional<JsonNode> noted = next();
    if (noted.isEmpty()) {
      add(decision);
    } else if (!noted.get().equals(JSON.readTree(JSON.writeValueAsString(decision)))) {
      throw new InvalidInputException(
          "%s:%s: another sweep was begun in this folder, or it decided otherwise. Give the same file, or another folder"
              .formatted(file, next));
    }
  }

  /// The next line, if it was noted before.
  Optional<JsonNode> next() {
    if (next == before.size()) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readTree(before.get(next++)));
    } catch (JsonProcessingException e) {
      throw new InvalidInputException("%s:%s: this is no line of a sweep".formatted(file, next), e);
    }
  }

  /// Adds a line, which is on the disk when this returns.
  void add(Map<String, Object> line) throws IOException {
    Files.writeString(
        file,
        JSON.writeValueAsString(line) + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND,
        StandardOpenOption.DSYNC);
  }
}
