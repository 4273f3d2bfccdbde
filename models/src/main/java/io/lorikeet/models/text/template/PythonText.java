package io.lorikeet.models.text.template;

import java.math.BigDecimal;

/// How Python reads and writes texts.
final class PythonText {
  private PythonText() {}

  /// `str.isspace` of one character.
  static boolean isSpace(char c) {
    return c >= '\t' && c <= '\r'
        || c >= 0x1c && c <= ' '
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || c >= 0x2000 && c <= 0x200a
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  /// Whether everything from a place on is blank.
  static boolean isBlank(String text, int from) {
    for (int i = from; i < text.length(); i++) {
      if (!isSpace(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  /// Without the blanks at its end.
  static String stripEnd(String text) {
    int end = text.length();
    while (end > 0 && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  /// The text of a quoted string's inside. Unknown escapes stay as they are.
  static String unescape(String quoted) {
    if (quoted.indexOf('\\') < 0) {
      return quoted;
    }
    StringBuilder text = new StringBuilder();
    int i = 0;
    while (i < quoted.length()) {
      char c = quoted.charAt(i++);
      if (c != '\\' || i == quoted.length()) {
        text.append(c);
        continue;
      }
      char escape = quoted.charAt(i++);
      int simple = "abfnrtv\\'\"".indexOf(escape);
      if (simple >= 0) {
        text.append("\u0007\b\f\n\r\t\u000b\\'\"".charAt(simple));
      } else if (escape >= '0' && escape <= '7') {
        int end = i;
        while (end < quoted.length() && end < i + 2 && isOctal(quoted.charAt(end))) {
          end++;
        }
        text.append((char) Integer.parseInt(quoted.substring(i - 1, end), 8));
        i = end;
      } else if (escape != '\n') {
        int digits = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
        int code = digits == 0 ? -1 : hexadecimal(quoted, i, digits);
        if (code >= 0) {
          text.appendCodePoint(code);
          i += digits;
        } else {
          text.append('\\').append(escape);
        }
      }
    }
    return text.toString();
  }

  private static boolean isOctal(char c) {
    return c >= '0' && c <= '7';
  }

  /// The code point that so many digits spell, or -1.
  private static int hexadecimal(String text, int from, int digits) {
    if (from + digits > text.length()) {
      return -1;
    }
    long code = 0;
    for (int i = from; i < from + digits; i++) {
      int digit = Character.digit(text.charAt(i), 16);
      if (digit < 0) {
        return -1;
      }
      code = code * 16 + digit;
    }
    return code <= Character.MAX_CODE_POINT ? (int) code : -1;
  }

  /// `repr` of a text, onto a builder.
  static void quote(Text text, TextBuilder out) {
    String characters = text.toString();
    char quote = characters.indexOf('\'') >= 0 && characters.indexOf('"') < 0 ? '"' : '\'';
    out.append(String.valueOf(quote));
    int i = 0;
    while (i < characters.length()) {
      int code = characters.codePointAt(i);
      int origin = text.originAt(i);
      i += Character.charCount(code);
      switch (code) {
        case '\n' -> out.append("\\n", origin);
        case '\r' -> out.append("\\r", origin);
        case '\t' -> out.append("\\t", origin);
        case '\\' -> out.append("\\\\", origin);
        default -> {
          if (code == quote) {
            out.append("\\" + quote, origin);
          } else {
            out.append(isPrintable(code) ? Character.toString(code) : escape(code), origin);
          }
        }
      }
    }
    out.append(String.valueOf(quote));
  }

  private static String escape(int code) {
    String format = code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x";
    return format.formatted(code);
  }

  private static boolean isPrintable(int code) {
    if (code == ' ') {
      return true;
    }
    return switch (Character.getType(code)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SPACE_SEPARATOR ->
          false;
      default -> true;
    };
  }

  /// `repr` of a float.
  static String number(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal decimal = new BigDecimal(Double.toString(value));
    String digits = decimal.unscaledValue().abs().toString().replaceFirst("0+$", "");
    int exponent = decimal.precision() - decimal.scale() - 1; // of the first digit
    String sign = value < 0 ? "-" : "";
    if (exponent < -4 || exponent >= 16) {
      String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
      return sign
          + digits.charAt(0)
          + fraction
          + "e"
          + (exponent < 0 ? "-" : "+")
          + (Math.abs(exponent) < 10 ? "0" : "")
          + Math.abs(exponent);
    }
    String plain = decimal.abs().stripTrailingZeros().toPlainString();
    return sign + (plain.contains(".") ? plain : plain + ".0");
  }
}
