package io.lorikeet.models.text.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Makes values of a template of what a caller gives, each text with its origin.
final class TemplateInputs {
  private TemplateInputs() {}

  /// A value that came from another message than the one it stands in.
  ///
  /// @param origin the message's number, from 1
  record From(int origin, Object value) {}

  /// The value of a variable.
  static Object variable(String name, Object value) {
    if (name.equals("messages") && value instanceof List<?> messages) {
      List<Object> list = new ArrayList<>();
      int number = 0;
      for (Object message : messages) {
        number++;
        if (message != null) {
          list.add(message(message, number));
        }
      }
      return list;
    }
    return value(value, name.endsWith("_token") ? Rendering.TEMPLATE : Rendering.VARIABLE);
  }

  /// The plain values of a JSON text.
  ///
  /// @throws EvaluationError when it isn't JSON
  static Object json(String text) {
    return plain(JsonReader.read(Text.of(text)));
  }

  /// The JSON text of a value, without blanks.
  static String compactJson(Object value) {
    Object separators = Items.tuple(Text.of(","), Text.of(":"));
    Arguments arguments = new Arguments(List.of(), Map.of("separators", separators));
    return JsonDump.of(value(value, Rendering.TEMPLATE), arguments, new Budget()).toString();
  }

  private static Object plain(Object value) {
    return switch (value) {
      case Text text -> text.toString();
      case List<?> list -> {
        List<Object> items = new ArrayList<>(list.size());
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

  private static Object message(Object message, int number) {
    if (!(message instanceof Map<?, ?> fields)) {
      return value(message, number);
    }
    Map<Object, Object> map = new LinkedHashMap<>();
    fields.forEach(
        (name, value) -> {
          int origin = name.equals("role") ? Rendering.TEMPLATE : number;
          map.put(Text.of(name.toString()), value(value, origin));
        });
    return map;
  }

  private static Object value(Object value, int origin) {
    return switch (value) {
      case null -> null;
      case From(int other, Object from) -> value(from, other);
      case Boolean flag -> flag;
      case Integer number -> number.longValue();
      case Long number -> number;
      case BigInteger number -> Numbers.narrow(number);
      case Float number -> number.doubleValue();
      case Double number -> number;
      case BigDecimal number -> number.doubleValue();
      case CharSequence text -> Text.of(text.toString(), origin);
      case List<?> list -> {
        List<Object> items = new ArrayList<>(list.size());
        list.forEach(item -> items.add(value(item, origin)));
        yield items;
      }
      case Map<?, ?> map -> {
        Map<Object, Object> entries = new LinkedHashMap<>();
        map.forEach(
            (key, item) -> entries.put(Text.of(key.toString(), origin), value(item, origin)));
        yield entries;
      }
      default -> throw new IllegalArgumentException("no value of a template: " + value.getClass());
    };
  }
}
