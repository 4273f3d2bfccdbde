package io.lorikeet.train.data.files;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Takes values out of JSON, and names their problems.
final class JsonValues {
  private JsonValues() {}

  /// The text under a key.
  ///
  /// @param place the object, for messages to people; empty for the record itself
  static String text(JsonNode object, String key, String place) {
    JsonNode value = object.path(key);
    String name = name(key, place);
    if (value.isMissingNode()) {
      throw new RecordProblem(name + " is missing");
    }
    if (!value.isTextual()) {
      throw new RecordProblem(name + " must be a string, found " + describe(value));
    }
    return fit(value.textValue(), name);
  }

  /// The text under a key that may be missing or null.
  static Optional<String> optionalText(JsonNode object, String key, String place) {
    return object.hasNonNull(key) ? Optional.of(text(object, key, place)) : Optional.empty();
  }

  private static String name(String key, String place) {
    return place.isEmpty() ? "'" + key + "'" : place + "." + key;
  }

  /// The text, if it can be tokenized faithfully.
  static String fit(String text, String name) {
    for (int i = 0; i < text.length(); i++) {
      char next = text.charAt(i);
      if (next == 0) {
        throw new RecordProblem(name + " holds a NUL character");
      }
      if (Character.isSurrogate(next)) {
        boolean pair =
            Character.isHighSurrogate(next)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (!pair) {
          throw new RecordProblem(
              "%s holds half of a surrogate pair, \\u%x, which is no character"
                  .formatted(name, (int) next));
        }
        i++;
      }
    }
    return text;
  }

  /// JSON text within a record.
  static JsonNode parsed(String text, String name) {
    try {
      return JsonText.read(text);
    } catch (JsonText.MalformedException e) {
      throw new RecordProblem(name + " must be JSON; " + e.getMessage());
    }
  }

  /// Whether nothing is given: null, or a blank text as an empty cell of a table is.
  static boolean isAbsent(JsonNode value) {
    return value.isMissingNode()
        || value.isNull()
        || value.isTextual() && value.textValue().isBlank();
  }

  /// An object as a map, see [#plain].
  static Map<String, Object> object(JsonNode object, String name) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      map.put(fit(entry.getKey(), "a key in " + name), plain(entry.getValue(), name));
    }
    return map;
  }

  /// JSON as maps, lists, strings, numbers, booleans and null.
  ///
  /// @param name its key, for error messages
  static @Nullable Object plain(JsonNode node, String name) {
    return switch (node.getNodeType()) {
      case OBJECT -> object(node, name);
      case ARRAY -> {
        List<Object> list = new ArrayList<>();
        node.forEach(element -> list.add(plain(element, name)));
        yield list;
      }
      case STRING -> fit(node.textValue(), name);
      case NUMBER -> {
        if (node.isFloatingPointNumber() && !Double.isFinite(node.doubleValue())) {
          throw new RecordProblem(
              name + " holds a number that is NaN, infinite or too large; JSON has none such");
        }
        yield node.numberValue();
      }
      case BOOLEAN -> node.booleanValue();
      default -> null;
    };
  }

  static String describe(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case BINARY -> "bytes that aren't text";
      case BOOLEAN -> "true or false";
      case NULL -> "null";
      case NUMBER -> "a number";
      case OBJECT -> "an object";
      case STRING -> "a string";
      default -> "nothing";
    };
  }
}
