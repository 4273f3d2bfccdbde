package io.lorikeet.models.text.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Jinja's filters on single values and texts; those on collections are in [ItemFilters].
final class Filters {
  private static final Pattern WORD_BEGINNING = Pattern.compile("[-\\s({\\[<]+");

  private final Budget budget;
  private final TextMethods texts;
  private final Operators operators;
  private final ItemFilters items;
  private final Formatting formatting;

  Filters(Budget budget, Operators operators, Members members, Predicates predicates) {
    this.budget = budget;
    this.operators = operators;
    texts = new TextMethods(budget);
    formatting = new Formatting(budget);
    items = new ItemFilters(this, members, predicates, operators, budget);
  }

  /// What a filter makes of a value.
  Object apply(String name, Object value, Arguments arguments) {
    budget.spend(1);
    return switch (name) {
      case "default", "d" -> {
        boolean falseToo = arguments.truth(1, "boolean", false);
        boolean replaced = value instanceof Undefined || falseToo && !Values.truth(value);
        yield replaced ? arguments.get(0, "default_value", Text.EMPTY) : value;
      }
      case "string" -> text(value);
      case "safe" -> text(value).asMarkup(true);
      case "escape", "e" -> operators.escaped(text(value));
      case "forceescape" -> operators.escaped(text(value).asMarkup(false));
      case "tojson" -> JsonText.of(value, arguments, budget);
      case "from_json" -> JsonReader.read(json(value));
      case "length", "count" -> Values.length(value);
      case "int" -> integer(value, arguments);
      case "float" -> real(value, arguments);
      case "abs" -> {
        Object number = operators.unary('+', value);
        yield Numbers.compare(number, 0L) < 0 ? Numbers.negate(number) : number;
      }
      case "round" -> round(value, arguments);
      case "upper", "lower", "capitalize" -> texts.call(text(value), name, Arguments.NONE);
      case "title" -> title(text(value));
      case "trim" -> {
        Object characters = arguments.get(0, "chars", null);
        String chars = characters == null ? null : characters.toString();
        yield TextMethods.strip(text(value), chars, true, true);
      }
      case "replace" -> {
        Text old = text(arguments.require(0, "old"));
        Text replacement = text(arguments.require(1, "new"));
        Object count = arguments.get(2, "count", null);
        long limit = count == null ? -1 : Numbers.index(count);
        yield texts.replace(text(value), old, replacement, limit);
      }
      case "indent" -> indent(text(value), arguments);
      case "center" ->
          texts.call(text(value), "center", Arguments.of(arguments.get(0, "width", 80L)));
      case "format" ->
          formatting.percent(
              text(value),
              arguments.named().isEmpty()
                  ? Items.of(Items.Kind.TUPLE, arguments.positional())
                  : named(arguments));
      case "wordcount" -> (long) words(text(value));
      default -> items.apply(name, value, arguments);
    };
  }

  private Text text(Object value) {
    return Values.text(value, budget);
  }

  private static Text json(Object value) {
    if (value instanceof Text text) {
      return text;
    }
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    throw new EvaluationError(
        "the JSON object must be str, bytes or bytearray, not " + Values.typeName(value));
  }

  private static Map<Object, Object> named(Arguments arguments) {
    Map<Object, Object> map = new LinkedHashMap<>();
    arguments.named().forEach((key, value) -> map.put(Text.of(key), value));
    return map;
  }

  private static int words(Text text) {
    Matcher matcher =
        Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS).matcher(text.toString());
    int count = 0;
    while (matcher.find()) {
      count++;
    }
    return count;
  }

  private static Object integer(Object value, Arguments arguments) {
    Object standard = arguments.get(0, "default", 0L);
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (Numbers.isInteger(value)) {
      return Numbers.narrow(Numbers.big(value));
    }
    Double real = value instanceof Double number ? number : null;
    if (value instanceof Text text) {
      String digits = PythonText.stripEnd(text.toString()).strip().replace("_", "");
      if (digits.matches("[+-]?\\d{1,4000}")) {
        return Numbers.narrow(new BigInteger(digits));
      }
      real = parsed(digits);
    }
    if (real == null || real.isNaN() || real.isInfinite()) {
      return standard;
    }
    return Numbers.narrow(new BigDecimal(real).toBigInteger());
  }

  private static Object real(Object value, Arguments arguments) {
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (Numbers.isNumber(value)) {
      return Numbers.real(value);
    }
    Double parsed = value instanceof Text text ? parsed(text.toString().strip()) : null;
    return parsed == null ? arguments.get(0, "default", 0.0) : parsed;
  }

  private static Double parsed(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "inf", "+inf", "infinity" -> Double.POSITIVE_INFINITY;
      case "-inf", "-infinity" -> Double.NEGATIVE_INFINITY;
      case "nan" -> Double.NaN;
      default ->
          text.matches("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?") ? Double.valueOf(text) : null;
    };
  }

  private static Object round(Object value, Arguments arguments) {
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (!Numbers.isNumber(value)) {
      throw new EvaluationError(
          "type " + Values.typeName(value) + " doesn't define __round__ method");
    }
    int digits = Math.clamp(arguments.integer(0, "precision", 0), -400, 400);
    RoundingMode mode =
        switch (arguments.get(1, "method", Text.of("common")).toString()) {
          case "common" -> RoundingMode.HALF_EVEN;
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default -> throw new EvaluationError("method must be common, ceil or floor");
        };
    boolean kept = mode == RoundingMode.HALF_EVEN && Numbers.isInteger(value) && digits >= 0;
    return kept
        ? Numbers.narrow(Numbers.big(value))
        : (Object) Numbers.round(Numbers.real(value), digits, mode);
  }

  private static Text title(Text text) {
    StringBuilder out = new StringBuilder();
    String string = text.toString();
    Matcher matcher = WORD_BEGINNING.matcher(string);
    int done = 0;
    while (matcher.find()) {
      out.append(capital(string.substring(done, matcher.start()))).append(matcher.group());
      done = matcher.end();
    }
    return text.withSameOrigins(out.append(capital(string.substring(done))).toString());
  }

  private static String capital(String word) {
    if (word.isEmpty()) {
      return word;
    }
    int first = Character.charCount(word.codePointAt(0));
    return word.substring(0, first).toUpperCase(Locale.ROOT)
        + word.substring(first).toLowerCase(Locale.ROOT);
  }

  private Text indent(Text text, Arguments arguments) {
    Object width = arguments.get(0, "width", 4L);
    boolean first = arguments.truth(1, "first", false);
    boolean blank = arguments.truth(2, "blank", false);
    Text indent =
        width instanceof Text given
            ? given
            : new TextBuilder(budget)
                .repeat(Text.of(" "), Math.max(0, Numbers.index(width)))
                .build();
    TextBuilder whole = new TextBuilder(budget).append(text).append("\n");
    List<Text> lines = new ArrayList<>(TextMethods.lines(whole.build()));
    TextBuilder out = new TextBuilder(budget);
    for (int i = 0; i < lines.size(); i++) {
      boolean indented = i == 0 ? first : blank || !lines.get(i).isEmpty();
      out.append(i == 0 ? "" : "\n").append(indented ? indent : Text.EMPTY).append(lines.get(i));
    }
    return out.build().asMarkup(text.isMarkup());
  }
}
