package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Writes files into a folder and reads them.
final class ReadFiles {
  /// Words of the libraries that read: advice on their own settings.
  private static final List<String> LIBRARIES =
      List.of("enable", "Feature", "Stream", "(code", "CTRL", "Token", "token", "Parquet column");

  private final Path folder;
  private final Events events;
  private final Map<String, String> columns;

  ReadFiles(Path folder, Events events) {
    this(folder, events, Map.of());
  }

  ReadFiles(Path folder, Events events, Map<String, String> columns) {
    this.folder = folder;
    this.events = events;
    this.columns = columns;
  }

  List<Example> read(Path file, boolean skipBadLines) throws IOException {
    List<Example> examples = new ArrayList<>();
    ExampleReader reader = new ExampleReader(columns, skipBadLines, events);
    reader.read(DataFile.of(file), Optional.empty(), examples::add);
    reader.finish();
    return examples;
  }

  List<Example> read(String name, String content) throws IOException {
    return read(name, content.getBytes(StandardCharsets.UTF_8));
  }

  List<Example> read(String name, byte[] content) throws IOException {
    return read(Files.write(folder.resolve(name), content), false);
  }

  List<Example.Content> contents(String name, String content) throws IOException {
    return contents(read(name, content));
  }

  static List<Example.Content> contents(List<Example> examples) {
    return examples.stream().map(Example::content).toList();
  }

  String refusal(String name, String content) {
    return refusal(name, content.getBytes(StandardCharsets.UTF_8));
  }

  /// The words that a file is refused with, which are Lorikeet's own.
  String refusal(String name, byte[] content) {
    String message =
        assertThrows(InvalidInputException.class, () -> read(name, content)).getMessage();
    assertTrue(message.startsWith(folder.resolve(name).toString()), message);
    for (String words : LIBRARIES) {
      assertFalse(message.contains(words), message);
    }
    return message;
  }
}
