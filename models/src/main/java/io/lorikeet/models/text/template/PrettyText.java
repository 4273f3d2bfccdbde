package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The filter `pprint`: Python's `pprint.pformat`, lines of 80 characters, dictionaries in the
/// order of their keys.
final class PrettyText {
  private static final int WIDTH = 80;

  private final Budget budget;
  private final TextBuilder out;

  private PrettyText(Budget budget) {
    this.budget = budget;
    out = new TextBuilder(budget);
  }

  static Text of(Object value, Budget budget) {
    PrettyText pretty = new PrettyText(budget);
    pretty.write(pretty.sorted(value), 0, 0, 0);
    return pretty.out.build();
  }

  /// A copy in which dictionaries have their keys in order.
  private Object sorted(Object value) {
    budget.spend(1);
    budget.enter();
    Object copy =
        switch (value) {
          case List<?> list -> sortedItems(list);
          case Items items when PythonValues.isTuple(items) ->
              Items.of(Items.PythonType.TUPLE, sortedItems(items.take()));
          case Map<?, ?> map -> {
            List<Object> keys = new ArrayList<>(map.keySet());
            keys.sort(order());
            Map<Object, Object> ordered = new LinkedHashMap<>();
            keys.forEach(key -> ordered.put(key, sorted(map.get(key))));
            yield ordered;
          }
          case null, default -> value;
        };
    budget.leave();
    return copy;
  }

  private List<Object> sortedItems(List<?> items) {
    List<Object> copy = new ArrayList<>();
    items.forEach(item -> copy.add(sorted(item)));
    return copy;
  }

  /// Keys that have no order are sorted by their types.
  private Comparator<Object> order() {
    return (a, b) -> {
      boolean comparable =
          Numbers.isNumber(a) && Numbers.isNumber(b) || a instanceof Text && b instanceof Text;
      return comparable
          ? PythonValues.compare("<", a, b, budget)
          : PythonValues.typeName(a).compareTo(PythonValues.typeName(b));
    };
  }

  /// @param allowance characters that follow on the value's last line
  private void write(Object value, int indent, int allowance, int level) {
    Text line = PythonValues.repr(value, budget);
    if (line.codePoints() <= WIDTH - indent - allowance) {
      out.append(line);
      return;
    }
    switch (value) {
      case Text text -> text(text, indent, allowance, level + 1);
      case List<?> list -> {
        out.append("[");
        items(list, indent, allowance + 1, level + 1);
        out.append("]");
      }
      case Items items when PythonValues.isTuple(items) -> {
        String end = items.take().size() == 1 ? ",)" : ")";
        out.append("(");
        items(items.take(), indent, allowance + end.length(), level + 1);
        out.append(end);
      }
      case Map<?, ?> map -> {
        out.append("{");
        entries(map, indent + 1, allowance + 1, level + 1);
        out.append("}");
      }
      case null, default -> out.append(line);
    }
  }

  private void newLine(int indent) {
    out.append("\n").repeat(Text.of(" "), indent);
  }

  private void items(List<?> items, int indent, int allowance, int level) {
    for (int i = 0; i < items.size(); i++) {
      if (i > 0) {
        out.append(",");
        newLine(indent + 1);
      }
      write(items.get(i), indent + 1, i == items.size() - 1 ? allowance : 1, level);
    }
  }

  private void entries(Map<?, ?> map, int indent, int allowance, int level) {
    int left = map.size();
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      left--;
      Text key = PythonValues.repr(entry.getKey(), budget);
      out.append(key).append(": ");
      write(entry.getValue(), indent + key.codePoints() + 2, left == 0 ? allowance : 1, level);
      if (left > 0) {
        out.append(",");
        newLine(indent);
      }
    }
  }

  /// A long text, as several that Python puts together: at the ends of lines, or between words.
  private void text(Text text, int indent, int allowance, int level) {
    boolean alone = level == 1;
    int column = indent + (alone ? 1 : 0);
    List<Text> chunks = chunks(text, WIDTH - column, allowance + (alone ? 1 : 0));
    out.append(alone && chunks.size() > 1 ? "(" : "");
    for (int i = 0; i < chunks.size(); i++) {
      if (i > 0) {
        newLine(column);
      }
      out.append(PythonValues.repr(chunks.get(i), budget));
    }
    out.append(alone && chunks.size() > 1 ? ")" : "");
  }

  private List<Text> chunks(Text text, int width, int allowance) {
    List<Text> chunks = new ArrayList<>();
    int from = 0;
    for (Text bare : TextMethods.lines(text)) {
      int to = endOfLine(text, from + bare.length());
      boolean last = to == text.length();
      Text line = text.substring(from, to);
      if (width(line) <= width - (last ? allowance : 0)) {
        chunks.add(line);
      } else {
        words(line, width, last ? allowance : 0, chunks);
      }
      from = to;
    }
    return chunks;
  }

  private int width(Text text) {
    return PythonValues.repr(text, budget).codePoints();
  }

  private static int endOfLine(Text text, int at) {
    boolean pair = text.toString().startsWith("\r\n", at);
    return Math.min(text.length(), at + (pair ? 2 : 1));
  }

  private void words(Text line, int width, int allowance, List<Text> chunks) {
    int from = 0; // of the chunk
    int end = 0; // of what fits
    while (end < line.length()) {
      int next = endOfWord(line.toString(), end);
      int space = width - (next == line.length() ? allowance : 0);
      if (width(line.substring(from, next)) > space && end > from) {
        chunks.add(line.substring(from, end));
        from = end;
      }
      end = next;
    }
    chunks.add(line.substring(from));
  }

  /// After the blanks that follow a word.
  private static int endOfWord(String line, int from) {
    int end = from;
    while (end < line.length() && !PythonText.isSpace(line.charAt(end))) {
      end++;
    }
    while (end < line.length() && PythonText.isSpace(line.charAt(end))) {
      end++;
    }
    return end;
  }
}
