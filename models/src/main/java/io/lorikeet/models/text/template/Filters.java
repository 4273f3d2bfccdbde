package io.lorikeet.models.text.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Jinja's filters on single values and texts; those on collections are in [ItemFilters].
final class Filters {
  static final Set<String> NAMES =
      Set.of(
          "abs",
          "attr",
          "batch",
          "capitalize",
          "center",
          "count",
          "d",
          "default",
          "dictsort",
          "e",
          "escape",
          "filesizeformat",
          "first",
          "float",
          "forceescape",
          "format",
          "from_json",
          "groupby",
          "indent",
          "int",
          "items",
          "join",
          "last",
          "length",
          "list",
          "lower",
          "map",
          "max",
          "min",
          "pprint",
          "reject",
          "rejectattr",
          "replace",
          "reverse",
          "round",
          "safe",
          "select",
          "selectattr",
          "slice",
          "sort",
          "string",
          "striptags",
          "sum",
          "title",
          "tojson",
          "trim",
          "truncate",
          "unique",
          "upper",
          "urlencode",
          "urlize",
          "wordcount",
          "wordwrap",
          "xmlattr");

  private static final Pattern WORD_BEGINNING = Pattern.compile("[-\\s({\\[<]+");

  private static final String SIZES = "kMGTPEZY";

  private final Budget budget;
  private final TextMethods texts;
  private final Operators operators;
  private final ItemFilters items;
  private final Formatting formatting;
  private final HtmlFilters html;

  Filters(Budget budget, Operators operators, Members members, Predicates predicates) {
    this.budget = budget;
    this.operators = operators;
    texts = new TextMethods(budget);
    formatting = new Formatting(budget);
    html = new HtmlFilters(budget, operators);
    items = new ItemFilters(this, members, predicates, operators, budget);
  }

  /// The result of a filter on a value.
  Object apply(String name, Object value, Arguments arguments) {
    budget.spend(1);
    return switch (name) {
      case "default", "d" -> {
        boolean falseToo = arguments.truth(1, "boolean", false);
        boolean replaced = value instanceof Undefined || falseToo && !PythonValues.truth(value);
        yield replaced ? arguments.get(0, "default_value", Text.EMPTY) : value;
      }
      case "string" -> text(value);
      case "safe" -> text(value).asMarkup(true);
      case "escape", "e" -> operators.escaped(text(value));
      case "forceescape" -> operators.escaped(text(value).asMarkup(false));
      case "tojson" -> JsonDump.of(value, arguments, budget);
      case "from_json" -> JsonReader.read(json(value));
      case "length", "count" -> PythonValues.length(value);
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
                  ? Items.of(Items.PythonType.TUPLE, arguments.positional())
                  : named(arguments));
      case "wordcount" -> (long) words(text(value));
      case "truncate" -> truncate(value, arguments);
      case "wordwrap" -> WordWrap.of(text(value), arguments, budget);
      case "pprint" -> PrettyText.of(value, budget);
      case "filesizeformat" -> fileSize(value, arguments.truth(0, "binary", false));
      case "urlencode" -> html.urlEncode(value);
      case "urlize" -> html.urlize(value, arguments);
      case "striptags" -> html.stripTags(value);
      case "xmlattr" -> html.xmlAttributes(value, arguments);
      default -> items.apply(name, value, arguments);
    };
  }

  private Text text(Object value) {
    return PythonValues.text(value, budget);
  }

  private static Text json(Object value) {
    if (value instanceof Text text) {
      return text;
    }
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    throw new EvaluationError(
        "the JSON object must be str, bytes or bytearray, not " + PythonValues.typeName(value));
  }

  private static Map<Object, Object> named(Arguments arguments) {
    Map<Object, Object> map = new LinkedHashMap<>();
    arguments.named().forEach((key, value) -> map.put(Text.of(key), value));
    return map;
  }

  /// @param arguments `length=255, killwords=False, end='...', leeway=5`
  private Object truncate(Object value, Arguments arguments) {
    long length = arguments.integer(0, "length", 255);
    Text end = text(arguments.get(2, "end", Text.of("...")));
    Object given = arguments.get(3, "leeway", null);
    long leeway = given == null ? 5 : Numbers.index(given);
    if (length < end.codePoints()) {
      throw new EvaluationError("expected length >= " + end.codePoints() + ", got " + length);
    }
    if (leeway < 0) {
      throw new EvaluationError("expected leeway >= 0, got " + leeway);
    }
    if (PythonValues.length(value) <= length + leeway || !(value instanceof Text text)) {
      return value;
    }
    Text kept = text.substring(0, text.offset((int) length - end.codePoints()));
    int space = kept.toString().lastIndexOf(' ');
    boolean killed = arguments.truth(1, "killwords", false) || space < 0;
    return new TextBuilder(budget)
        .append(kept, 0, killed ? kept.length() : space)
        .append(end)
        .build();
  }

  private static Text fileSize(Object value, boolean binary) {
    double bytes =
        value instanceof Text text && parsed(text.toString().strip()) instanceof Double number
            ? number
            : Numbers.isNumber(value) ? Numbers.real(value) : Double.NaN;
    if (Double.isNaN(bytes)) {
      if (value instanceof Undefined undefined) {
        throw undefined.error();
      }
      throw new EvaluationError(
          "filesizeformat: no number of bytes, but " + PythonValues.typeName(value));
    }
    int base = binary ? 1024 : 1000;
    if (bytes == 1) {
      return Text.of("1 Byte");
    }
    if (bytes < base) {
      return Text.of((long) bytes + " Bytes");
    }
    double unit = base;
    int prefix = -1;
    do {
      unit *= base;
      prefix++;
    } while (bytes >= unit && prefix < SIZES.length() - 1);
    String size =
        Double.isInfinite(bytes)
            ? "inf"
            : new BigDecimal(base * bytes / unit)
                .setScale(1, RoundingMode.HALF_EVEN)
                .toPlainString();
    String unitName =
        binary ? Character.toUpperCase(SIZES.charAt(prefix)) + "iB" : SIZES.charAt(prefix) + "B";
    return Text.of(size + " " + unitName);
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
      if (digits.matches("[+-]?\\d{1,4300}")) {
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
          "type " + PythonValues.typeName(value) + " doesn't define __round__ method");
    }
    int digits = Math.clamp(arguments.integer(0, "precision", 0), -400, 400);
    RoundingMode mode =
        switch (arguments.text(1, "method", "common")) {
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
