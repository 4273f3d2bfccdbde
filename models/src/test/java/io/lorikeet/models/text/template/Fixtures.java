package io.lorikeet.models.text.template;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/// Results of Python's jinja2 on chat templates; see `src/test/python/chat_template_fixtures.py`.
public final class Fixtures {
  /// The script's clock.
  public static final LocalDateTime NOW = LocalDateTime.of(2026, 3, 7, 15, 4, 5);

  private final Map<?, ?> root;

  private Fixtures(Map<?, ?> root) {
    this.root = root;
  }

  /// A template's text and what jinja2 made of it: a text, or an error.
  public record Expected(String source, Map<String, Object> variables, String text, String error) {}

  public static Fixtures read() {
    try (InputStream file = Fixtures.class.getResourceAsStream("chat-templates.json.gz");
        InputStream json = new GZIPInputStream(file)) {
      String text = new String(json.readAllBytes(), StandardCharsets.UTF_8);
      return new Fixtures((Map<?, ?>) plain(JsonReader.read(Text.of(text))));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The templates by their names.
  public Map<String, String> templates() {
    Map<String, String> templates = new LinkedHashMap<>();
    map(root.get("templates")).forEach((name, source) -> templates.put(name, (String) source));
    return templates;
  }

  /// The conversations that a template was given, by their names.
  public Map<String, Expected> renderings(String template) {
    String source = templates().get(template);
    Map<String, Object> conversations = map(root.get("conversations"));
    Map<String, Expected> result = new LinkedHashMap<>();
    map(map(root.get("renderings")).get(template))
        .forEach(
            (name, rendering) ->
                result.put(name, expected(source, map(conversations.get(name)), map(rendering))));
    return result;
  }

  /// Small templates, one for each thing that templates can do.
  public List<Expected> snippets() {
    List<Expected> snippets = new ArrayList<>();
    for (Object snippet : (List<?>) root.get("snippets")) {
      Map<String, Object> fields = map(snippet);
      snippets.add(expected((String) fields.get("source"), map(fields.get("variables")), fields));
    }
    return snippets;
  }

  private static Expected expected(
      String source, Map<String, Object> variables, Map<String, Object> rendering) {
    return new Expected(
        source, variables, (String) rendering.get("text"), (String) rendering.get("error"));
  }

  private static Map<String, Object> map(Object value) {
    Map<String, Object> map = new LinkedHashMap<>();
    ((Map<?, ?>) value).forEach((key, item) -> map.put((String) key, item));
    return map;
  }

  /// Plain Java values instead of a template's.
  private static Object plain(Object value) {
    return switch (value) {
      case Text text -> text.toString();
      case List<?> list -> {
        List<Object> items = new ArrayList<>();
        list.forEach(item -> items.add(plain(item)));
        yield items;
      }
      case Map<?, ?> map -> {
        Map<String, Object> entries = new LinkedHashMap<>();
        map.forEach((key, item) -> entries.put(key.toString(), plain(item)));
        yield entries;
      }
      case null, default -> value;
    };
  }
}
