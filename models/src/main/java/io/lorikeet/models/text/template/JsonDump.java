package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Writes JSON as Python's `json.dumps` does: the filter `tojson`, with the parameters that Hugging
/// Face's Transformers gives it.
final class JsonDump {
  private final TextBuilder out;
  private final Budget budget;
  private final boolean ascii;
  private final String indent; // null for one line
  private final String comma;
  private final String colon;
  private final boolean sorted;

  private JsonDump(Budget budget, Arguments arguments) {
    this.budget = budget;
    out = new TextBuilder(budget);
    ascii = arguments.truth(0, "ensure_ascii", false);
    indent = indent(arguments.get(1, "indent", null));
    sorted = arguments.truth(3, "sort_keys", false);
    Object separators = arguments.get(2, "separators", null);
    if (separators == null) {
      comma = indent == null ? ", " : ",";
      colon = ": ";
    } else {
      List<Object> both = PythonValues.items(separators);
      if (both.size() != 2) {
        throw new EvaluationError("separators: expected two, found " + both.size());
      }
      comma = PythonValues.requireText(both.get(0)).toString();
      colon = PythonValues.requireText(both.get(1)).toString();
    }
  }

  /// @param arguments `ensure_ascii=False, indent=None, separators=None, sort_keys=False`
  static Text of(Object value, Arguments arguments, Budget budget) {
    JsonDump json = new JsonDump(budget, arguments);
    json.write(value, 1);
    return json.out.build();
  }

  private static String indent(Object value) {
    if (value == null || value instanceof Text) {
      return value == null ? null : value.toString();
    }
    long width = Numbers.index(value);
    if (width > 100) {
      throw new EvaluationError("indent=" + width + ": at most 100");
    }
    return " ".repeat((int) Math.max(0, width));
  }

  private void write(Object value, int level) {
    budget.enter();
    switch (value) {
      case null -> out.append("null");
      case Boolean flag -> out.append(flag ? "true" : "false");
      case Double real -> out.append(number(real));
      case Text text -> string(text);
      case List<?> list -> list(list, level);
      case Items items when items.type() == Items.PythonType.TUPLE -> list(items.take(), level);
      case Map<?, ?> map -> object(map, level);
      case Object number when Numbers.isNumber(number) -> out.append(number.toString());
      default ->
          throw new EvaluationError(
              "Object of type " + PythonValues.typeName(value) + " is not JSON serializable");
    }
    budget.leave();
  }

  private static String number(double real) {
    if (Double.isNaN(real)) {
      return "NaN";
    }
    return Double.isInfinite(real)
        ? (real > 0 ? "Infinity" : "-Infinity")
        : PythonText.number(real);
  }

  private void list(List<?> list, int level) {
    if (list.isEmpty()) {
      out.append("[]");
      return;
    }
    out.append("[");
    for (int i = 0; i < list.size(); i++) {
      out.append(i == 0 ? "" : comma);
      newLine(level);
      write(list.get(i), level + 1);
    }
    newLine(level - 1);
    out.append("]");
  }

  private void object(Map<?, ?> map, int level) {
    if (map.isEmpty()) {
      out.append("{}");
      return;
    }
    List<Object> keys = new ArrayList<>(map.keySet());
    if (sorted) {
      keys.sort((a, b) -> PythonValues.compare("<", a, b, budget));
    }
    out.append("{");
    for (int i = 0; i < keys.size(); i++) {
      out.append(i == 0 ? "" : comma);
      newLine(level);
      string(key(keys.get(i)));
      out.append(colon);
      write(map.get(keys.get(i)), level + 1);
    }
    newLine(level - 1);
    out.append("}");
  }

  private static Text key(Object key) {
    return switch (key) {
      case Text text -> text;
      case null -> Text.of("null");
      case Boolean flag -> Text.of(flag ? "true" : "false");
      case Object number when Numbers.isNumber(number) -> Text.of(Numbers.text(number));
      default ->
          throw new EvaluationError(
              "keys must be str, int, float, bool or None, not " + PythonValues.typeName(key));
    };
  }

  private void newLine(int level) {
    if (indent != null) {
      out.append("\n").repeat(Text.of(indent), level);
    }
  }

  private void string(Text text) {
    out.append("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.toString().charAt(i);
      int origin = text.originAt(i);
      switch (c) {
        case '"' -> out.append("\\\"", origin);
        case '\\' -> out.append("\\\\", origin);
        case '\n' -> out.append("\\n", origin);
        case '\r' -> out.append("\\r", origin);
        case '\t' -> out.append("\\t", origin);
        case '\b' -> out.append("\\b", origin);
        case '\f' -> out.append("\\f", origin);
        default -> {
          if (c < ' ' || ascii && c > '~') {
            out.append("\\u%04x".formatted((int) c), origin);
          } else {
            out.append(c, origin);
          }
        }
      }
    }
    out.append("\"");
  }
}
