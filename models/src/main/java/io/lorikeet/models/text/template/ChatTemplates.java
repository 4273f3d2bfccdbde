package io.lorikeet.models.text.template;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  private ChatTemplates() {}

  /// The base's own template, `tokenizer.chat_template`.
  ///
  /// @param base the file's name, for messages
  /// @throws TemplateException when it isn't Jinja
  public static Optional<ChatTemplate> ofBase(GgufMetadata metadata, String base) {
    return metadata
        .string(KEY)
        .filter(source -> !source.isBlank())
        .map(source -> ChatTemplate.of("the chat template of " + base, source));
  }

  /// A template that the base has besides its own, `tokenizer.chat_template.NAME`.
  ///
  /// @throws TemplateException when it isn't Jinja
  public static Optional<ChatTemplate> ofBase(GgufMetadata metadata, String base, String name) {
    return metadata
        .string(KEY + "." + name)
        .map(source -> ChatTemplate.of("the chat template '" + name + "' of " + base, source));
  }

  /// The names of the templates that the base has besides its own.
  public static List<String> names(GgufMetadata metadata) {
    return metadata.keys().stream()
        .filter(key -> key.startsWith(KEY + "."))
        .map(key -> key.substring(KEY.length() + 1))
        .sorted()
        .toList();
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

  /// What a user means by a name: one of the base's own templates, one of Lorikeet's, or a file.
  ///
  /// @throws InvalidInputException when it is none of them, or no template
  /// @throws IOException when the file can't be read
  public static ChatTemplate named(String name, GgufMetadata metadata, String base)
      throws IOException {
    Optional<ChatTemplate> own = ofBase(metadata, base, name);
    if (own.isPresent()) {
      return own.get();
    }
    if (BUILT_IN.contains(name)) {
      return builtIn(name);
    }
    if (Files.isRegularFile(Path.of(name))) {
      return read(Path.of(name));
    }
    List<String> names = new ArrayList<>(names(metadata));
    names.addAll(BUILT_IN);
    throw new InvalidInputException(
        "no chat template and no file is called '%s'; the templates are %s"
            .formatted(name, String.join(", ", names)));
  }
}
