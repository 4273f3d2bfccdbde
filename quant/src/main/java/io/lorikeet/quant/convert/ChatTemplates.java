package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;

/// The chat templates of a folder, wherever a version of the transformers library has put them:
/// `tokenizer_config.json`, `chat_template.jinja` with `additional_chat_templates`, or
/// `chat_template.json`.
final class ChatTemplates {
  private static final String DEFAULT = "default";
  private static final String MARK = "\ufeff";

  private ChatTemplates() {}

  /// Sets `tokenizer.chat_template`, and those with names as `tokenizer.chat_template.NAME`.
  static void put(ModelFolder folder, GgufWriter writer) throws IOException {
    Map<String, String> templates = read(folder);
    TreeSet<String> names = new TreeSet<>(templates.keySet());
    names.remove(DEFAULT);
    names.forEach(name -> writer.putString("tokenizer.chat_template." + name, templates.get(name)));
    if (!names.isEmpty()) {
      writer.putStrings("tokenizer.chat_templates", List.copyOf(names));
    }
    if (templates.containsKey(DEFAULT)) {
      writer.putString("tokenizer.chat_template", templates.get(DEFAULT));
    }
  }

  /// The templates by name, without the byte order mark that a file or text may begin with: it
  /// would stand in every prompt.
  static Map<String, String> read(ModelFolder folder) throws IOException {
    Map<String, String> templates = found(folder);
    templates.replaceAll((_, text) -> text.startsWith(MARK) ? text.substring(1) : text);
    return templates;
  }

  private static Map<String, String> found(ModelFolder folder) throws IOException {
    JsonNode inConfig =
        folder
            .tokenizerConfig()
            .map(config -> config.json().path("chat_template"))
            .orElse(folder.config().json().path("no such key"));
    Map<String, String> templates = new LinkedHashMap<>();
    if (!inConfig.isMissingNode() && !inConfig.isNull()) {
      add(inConfig, templates);
      return templates;
    }
    Optional<Path> jinja = folder.file("chat_template.jinja");
    if (jinja.isPresent()) {
      templates.put(DEFAULT, text(jinja.get()));
      addAdditional(folder.path().resolve("additional_chat_templates"), templates);
      return templates;
    }
    Optional<Config> json = ModelFolder.read(folder.path().resolve("chat_template.json"));
    json.ifPresent(config -> add(config.json().path("chat_template"), templates));
    return templates;
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
