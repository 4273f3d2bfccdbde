package io.lorikeet.models.text.template;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Where chat templates come from: a base's GGUF file, Lorikeet itself, or a file.
public final class ChatTemplates {
  /// The templates that Lorikeet brings along, for text without tools. They have the names and the
  /// layouts of those built into llama.cpp (src/llama-chat.cpp).
  public static final List<String> BUILT_IN =
      List.of(
          "chatml",
          "gemma",
          "llama2-sys",
          "llama3",
          "mistral-v1",
          "mistral-v3",
          "mistral-v3-tekken",
          "mistral-v7",
          "mistral-v7-tekken",
          "phi3",
          "phi4",
          "vicuna",
          "zephyr");

  private static final String KEY = "tokenizer.chat_template";
  private static final long LARGEST_FILE = 1L << 20; // bytes

  private final String base;
  private final Map<String, String> sources;

  private ChatTemplates(String base, Map<String, String> sources) {
    this.base = base;
    this.sources = Map.copyOf(sources);
  }

  /// The templates of a base.
  ///
  /// @param base the file's name, for messages
  public static ChatTemplates of(GgufMetadata metadata, String base) {
    Map<String, String> sources = new HashMap<>();
    for (String key : metadata.keys()) {
      if (key.equals(KEY) || key.startsWith(KEY + ".")) {
        metadata
            .string(key)
            .filter(text -> !text.isBlank())
            .ifPresent(text -> sources.put(key, text));
      }
    }
    return new ChatTemplates(base, sources);
  }

  /// The base's own template, `tokenizer.chat_template`; or that for tools, where it has no other.
  ///
  /// @throws TemplateException when it isn't Jinja
  public Optional<ChatTemplate> own() {
    Optional<ChatTemplate> own = read(KEY, "the chat template of " + base);
    return own.isPresent() ? own : forTools();
  }

  /// The template that the base has for conversations with tools,
  /// `tokenizer.chat_template.tool_use`.
  ///
  /// @throws TemplateException when it isn't Jinja
  public Optional<ChatTemplate> forTools() {
    return own("tool_use");
  }

  private Optional<ChatTemplate> own(String name) {
    return read(KEY + "." + name, "the chat template '" + name + "' of " + base);
  }

  private Optional<ChatTemplate> read(String key, String description) {
    return Optional.ofNullable(sources.get(key)).map(text -> ChatTemplate.of(description, text));
  }

  /// One of [#BUILT_IN].
  public static ChatTemplate builtIn(String name) {
    try (InputStream file = ChatTemplates.class.getResourceAsStream(name + ".jinja")) {
      if (file == null || !BUILT_IN.contains(name)) {
        throw new IllegalArgumentException("no template is called " + name);
      }
      String source = new String(file.readAllBytes(), StandardCharsets.UTF_8);
      return ChatTemplate.of("the chat template " + name, source);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A template's file, in UTF-8.
  ///
  /// @throws InvalidInputException when it isn't a text of a reasonable size
  /// @throws TemplateException when it isn't Jinja
  /// @throws IOException when it can't be read
  public static ChatTemplate read(Path file) throws IOException {
    if (Files.isRegularFile(file) && Files.size(file) > LARGEST_FILE) {
      throw new InvalidInputException(
          file + ": " + Files.size(file) + " bytes; a chat template has at most 1 MiB");
    }
    try {
      return ChatTemplate.of(file.toString(), Files.readString(file));
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + ": a chat template must be a text in UTF-8", e);
    }
  }

  /// The template of a name given by the user: one of the base's own
  /// (`tokenizer.chat_template.NAME`), one of Lorikeet's, or a file.
  ///
  /// @throws InvalidInputException when it is none of them, or no template
  /// @throws IOException when the file can't be read
  public ChatTemplate named(String name) throws IOException {
    Optional<ChatTemplate> own = own(name);
    if (own.isPresent()) {
      return own.get();
    }
    if (BUILT_IN.contains(name)) {
      return builtIn(name);
    }
    if (Files.isRegularFile(Path.of(name))) {
      return read(Path.of(name));
    }
    List<String> names = new ArrayList<>();
    sources.keySet().stream()
        .filter(key -> !key.equals(KEY))
        .map(key -> key.substring(KEY.length() + 1))
        .sorted()
        .forEach(names::add);
    names.addAll(BUILT_IN);
    throw new InvalidInputException(
        "no chat template and no file is called '%s'; the templates are %s%s"
            .formatted(name, String.join(", ", names), NearestName.hint(name, names)));
  }
}
