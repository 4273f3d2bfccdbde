package io.lorikeet.models.text.template;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Python's `format % values` and `str.format`, with what templates use of their little languages:
/// texts and numbers, filled up to a width, rounded to a number of places.
final class Formatting {
  private static final Pattern PERCENT =
      Pattern.compile(
          "%(?:\\((\\w+)\\))?([-+ 0#]*)(\\d{0,9})(?:\\.(\\d{1,3}))?(.)", Pattern.DOTALL);
  private static final Pattern FIELD =
      Pattern.compile("(?:(.)?([<>^]))?([+ -]?)(0?)(\\d{0,9})(,?)(?:\\.(\\d{1,3}))?([sdfgexX%]?)");

  private final Budget budget;

  Formatting(Budget budget) {
    this.budget = budget;
  }

  /// `format % value`
  Text percent(Text format, Object value) {
    boolean several = PythonValues.isTuple(value);
    List<Object> values = several ? ((Items) value).take() : Arrays.asList(value);
    String pattern = format.toString();
    TextBuilder out = new TextBuilder(budget);
    Matcher matcher = PERCENT.matcher(pattern);
    int done = 0;
    int used = 0;
    while (matcher.find(done)) {
      out.append(format, done, matcher.start());
      done = matcher.end();
      char conversion = matcher.group(5).charAt(0);
      if (conversion == '%') {
        out.append("%");
        continue;
      }
      Object argument;
      if (matcher.group(1) != null) {
        argument = value instanceof Map<?, ?> map ? map.get(Text.of(matcher.group(1))) : null;
        used = values.size();
      } else if (used == values.size()) {
        throw new EvaluationError("not enough arguments for format string");
      } else {
        argument = values.get(used++);
      }
      String flags = matcher.group(2);
      String align = flags.contains("-") ? "<" : ">";
      String sign = flags.contains("+") ? "+" : "";
      boolean zeros = flags.contains("0") && !flags.contains("-");
      Text converted = converted(conversion, argument, matcher.group(4), sign);
      out.append(filled(converted, matcher.group(3), align, zeros ? "0" : " "));
    }
    out.append(format, done, format.length());
    if (used < values.size() && !(value instanceof Map)) {
      throw new EvaluationError("not all arguments converted during string formatting");
    }
    return out.build();
  }

  private Text converted(char conversion, Object value, String places, String sign) {
    return switch (conversion) {
      case 's' -> cut(PythonValues.text(value, budget), places);
      case 'r', 'a' -> cut(PythonValues.repr(value, budget), places);
      case 'd', 'i', 'u' -> {
        requireNumber(value, "%" + conversion + " format: a real number is required, not ");
        Object whole =
            value instanceof Double real
                ? Numbers.narrow(new BigDecimal(real).toBigInteger())
                : Numbers.narrow(Numbers.big(value));
        yield Text.of(signed(whole.toString(), sign));
      }
      case 'f', 'F', 'e', 'E', 'g', 'G', 'x', 'X' -> {
        requireNumber(value, "must be real number, not ");
        yield Text.of(signed(number(conversion, value, places), sign));
      }
      default -> throw new EvaluationError("unsupported format character '" + conversion + "'");
    };
  }

  private static void requireNumber(Object value, String message) {
    if (!Numbers.isNumber(value)) {
      throw new EvaluationError(message + PythonValues.typeName(value));
    }
  }

  private static Text cut(Text text, String places) {
    return places == null ? text : text.substring(0, Math.min(text.length(), places(places, 0)));
  }

  private static int places(String digits, int standard) {
    return digits == null || digits.isEmpty() ? standard : Integer.parseInt(digits);
  }

  private static String signed(String number, String sign) {
    return sign.equals("+") && !number.startsWith("-") ? "+" + number : number;
  }

  private static String number(char conversion, Object value, String places) {
    switch (conversion) {
      case 'x', 'X' -> {
        String digits = Numbers.big(Numbers.isInteger(value) ? value : 0L).toString(16);
        return conversion == 'x' ? digits : digits.toUpperCase(Locale.ROOT);
      }
      case 'g', 'G' -> {
        double rounded = Numbers.real(value);
        if (rounded != 0 && !Double.isInfinite(rounded) && !Double.isNaN(rounded)) {
          int digits = Math.max(1, places(places, 6));
          rounded =
              new BigDecimal(rounded)
                  .round(new MathContext(digits, RoundingMode.HALF_EVEN))
                  .doubleValue();
        }
        String text = PythonText.number(rounded);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
      }
      default -> {
        double real = Numbers.real(value);
        if (Double.isInfinite(real) || Double.isNaN(real)) {
          return PythonText.number(real);
        }
        if (conversion == 'e' || conversion == 'E') {
          return String.format(Locale.ROOT, "%." + places(places, 6) + "e", real);
        }
        return new BigDecimal(real)
            .setScale(places(places, 6), RoundingMode.HALF_EVEN)
            .toPlainString();
      }
    }
  }

  /// With a comma before each three digits of the whole part.
  private static String grouped(String number) {
    int start = number.startsWith("-") ? 1 : 0;
    int end = start;
    while (end < number.length() && Character.isDigit(number.charAt(end))) {
      end++;
    }
    StringBuilder out = new StringBuilder(number);
    for (int place = end - 3; place > start; place -= 3) {
      out.insert(place, ',');
    }
    return out.toString();
  }

  private Text filled(Text text, String width, String align, String fill) {
    int missing = places(width, 0) - (int) PythonValues.length(text);
    if (missing <= 0) {
      return text;
    }
    int before = align.equals(">") ? missing : align.equals("^") ? missing / 2 : 0;
    boolean sign =
        fill.equals("0") && !text.isEmpty() && "+-".indexOf(text.toString().charAt(0)) >= 0;
    int start = sign ? 1 : 0;
    return new TextBuilder(budget)
        .append(text, 0, start)
        .repeat(Text.of(fill), before)
        .append(text, start, text.length())
        .repeat(Text.of(fill), missing - before)
        .build();
  }

  /// `format.format(…)`
  Text format(Text format, Arguments arguments) {
    String pattern = format.toString();
    TextBuilder out = new TextBuilder(budget);
    int automatic = 0;
    int i = 0;
    while (i < pattern.length()) {
      char c = pattern.charAt(i);
      boolean doubled = i + 1 < pattern.length() && pattern.charAt(i + 1) == c;
      if (c == '{' && !doubled) {
        int end = pattern.indexOf('}', i);
        if (end < 0) {
          throw new EvaluationError("expected '}' before end of string");
        }
        String field = pattern.substring(i + 1, end);
        boolean unnamed = field.isEmpty() || field.startsWith(":") || field.startsWith("!");
        out.append(field(unnamed ? automatic++ + field : field, arguments));
        i = end + 1;
      } else if (c == '}' && !doubled) {
        throw new EvaluationError("Single '}' encountered in format string");
      } else {
        out.append(format, i, i + 1);
        i += c == '{' || c == '}' ? 2 : 1;
      }
    }
    return out.build();
  }

  private Text field(String field, Arguments arguments) {
    int colon = field.indexOf(':');
    String specification = colon < 0 ? "" : field.substring(colon + 1);
    String name = colon < 0 ? field : field.substring(0, colon);
    boolean quoted = name.endsWith("!r");
    name = name.replaceFirst("![rs]$", "");
    Object value;
    if (name.matches("\\d{1,9}")) {
      int place = Integer.parseInt(name);
      if (place >= arguments.positional().size()) {
        throw new EvaluationError("tuple index out of range");
      }
      value = arguments.positional().get(place);
    } else if (arguments.named().containsKey(name)) {
      value = arguments.named().get(name);
    } else {
      throw new EvaluationError("'" + name + "'");
    }
    return formatted(quoted ? PythonValues.repr(value, budget) : value, specification);
  }

  private Text formatted(Object value, String specification) {
    Matcher matcher = FIELD.matcher(specification);
    if (!matcher.matches()) {
      throw new EvaluationError("Invalid format specifier");
    }
    boolean number = Numbers.isNumber(value) && !specification.isEmpty();
    String type = matcher.group(8);
    String places = matcher.group(7);
    Text text;
    if (!number) {
      text = cut(PythonValues.text(value, budget), places);
    } else if (type.equals("%")) {
      text = Text.of(number('f', Numbers.real(value) * 100, places) + "%");
    } else if (type.isEmpty() && places == null) {
      text = PythonValues.text(value, budget);
    } else {
      text = converted(type.isEmpty() ? 'g' : type.charAt(0), value, places, "");
    }
    if (number && !matcher.group(6).isEmpty()) {
      text = Text.of(grouped(text.toString()));
    }
    text = number ? Text.of(signed(text.toString(), matcher.group(3))) : text;
    boolean zeros = !matcher.group(4).isEmpty();
    String align = matcher.group(2) != null ? matcher.group(2) : number ? ">" : "<";
    String fill = matcher.group(1) != null ? matcher.group(1) : zeros ? "0" : " ";
    return filled(text, matcher.group(5), align, fill);
  }
}
