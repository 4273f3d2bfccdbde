package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The chat templates of a folder, wherever a version of the transformers library has put them:
/// `tokenizer_config.json`, `chat_template.jinja` with `additional_chat_templates`, or
/// `chat_template.json`.
public final class FolderTemplates {
  private static final String DEFAULT = "default";
  private static final String MARK = "\ufeff";

  private FolderTemplates() {}

  /// The template that a folder's tokenizer uses where no other is named.
  ///
  /// @param folder one that a tokenizer was saved in; it need not hold a model
  /// @throws InvalidInputException when a file there isn't valid
  public static Optional<String> own(Path folder) throws IOException {
    Optional<Config> tokenizer = ModelFolder.read(folder.resolve("tokenizer_config.json"));
    return first(places(folder, tokenizer)).map(templates -> templates.get(DEFAULT));
  }

  /// Sets `tokenizer.chat_template`, and those with names as `tokenizer.chat_template.NAME`.
  static void put(ModelFolder folder, GgufWriter writer) throws IOException {
    TreeMap<String, String> named = new TreeMap<>(read(folder));
    String usual = named.remove(DEFAULT);
    named.forEach((name, text) -> writer.putString("tokenizer.chat_template." + name, text));
    if (!named.isEmpty()) {
      writer.putStrings("tokenizer.chat_templates", List.copyOf(named.keySet()));
    }
    if (usual != null) {
      writer.putString("tokenizer.chat_template", usual);
    }
  }

  /// The templates by name, of the first place that has any.
  static Map<String, String> read(ModelFolder folder) throws IOException {
    return first(places(folder.path(), folder.tokenizerConfig())).orElse(Map.of());
  }

  private static Optional<Map<String, String>> first(Map<String, Map<String, String>> places) {
    return places.values().stream().findFirst();
  }

  /// Says where a folder has another default template in a place that isn't read.
  static List<String> notes(ModelFolder folder) throws IOException {
    List<Map.Entry<String, Map<String, String>>> places =
        List.copyOf(places(folder.path(), folder.tokenizerConfig()).entrySet());
    List<String> notes = new ArrayList<>();
    for (Map.Entry<String, Map<String, String>> other : places.stream().skip(1).toList()) {
      Map.Entry<String, Map<String, String>> first = places.getFirst();
      String template = other.getValue().get(DEFAULT);
      if (template != null && !isSame(template, first.getValue().get(DEFAULT))) {
        notes.add(
            "%s has another chat template than %s, whose is taken as llama.cpp's converter does (Hugging Face's transformers takes chat_template.jinja first); 'train --chat-template FILE' takes a file's"
                .formatted(other.getKey(), first.getKey()));
      }
    }
    return notes;
  }

  /// Jinja leaves out one line break at a template's end.
  private static boolean isSame(String template, @Nullable String other) {
    return other != null
        && template.replaceFirst("\n\\z", "").equals(other.replaceFirst("\n\\z", ""));
  }

  /// The templates of each place that has any, those first that count first.
  private static Map<String, Map<String, String>> places(
      Path folder, Optional<Config> tokenizerConfig) throws IOException {
    Map<String, Map<String, String>> places = new LinkedHashMap<>();
    tokenizerConfig.ifPresent(config -> put(places, "tokenizer_config.json", config));
    Path jinja = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(jinja)) {
      Map<String, String> templates = new LinkedHashMap<>();
      templates.put(DEFAULT, text(jinja));
      addAdditional(folder.resolve("additional_chat_templates"), templates);
      places.put("chat_template.jinja", withoutMarks(templates));
    }
    Path json = folder.resolve("chat_template.json");
    ModelFolder.read(json).ifPresent(each -> put(places, "chat_template.json", each));
    return places;
  }

  /// Without the byte order mark that a file or text may begin with: it would stand in every
  /// prompt.
  private static Map<String, String> withoutMarks(Map<String, String> templates) {
    templates.replaceAll((_, text) -> text.startsWith(MARK) ? text.substring(1) : text);
    return templates;
  }

  private static void put(Map<String, Map<String, String>> places, String place, Config config) {
    JsonNode template = config.json().path("chat_template");
    if (!template.isMissingNode() && !template.isNull()) {
      Map<String, String> templates = new LinkedHashMap<>();
      add(template, templates);
      places.put(place, withoutMarks(templates));
    }
  }

  private static void add(JsonNode template, Map<String, String> templates) {
    if (template.isTextual()) {
      templates.put(DEFAULT, template.textValue());
    }
    for (JsonNode each : template) { // of a string there are none
      if (each.path("template").isTextual() && !each.path("name").asText().isEmpty()) {
        templates.put(safe(each.path("name").asText()), each.path("template").textValue());
      }
    }
  }

  private static void addAdditional(Path folder, Map<String, String> templates) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".jinja")).sorted().toList()) {
        templates.put(
            safe(file.getFileName().toString().replaceFirst("\\.jinja$", "")), text(file));
      }
    }
  }

  private static String safe(String name) {
    return name.replaceAll("[^A-Za-z0-9]", "_");
  }

  private static String text(Path file) throws IOException {
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + " isn't UTF-8. Download it again", e);
    }
  }
}
