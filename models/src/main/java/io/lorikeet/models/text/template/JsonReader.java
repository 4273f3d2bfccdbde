package io.lorikeet.models.text.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads JSON (RFC 8259) into the values of a template. Texts keep their origin.
final class JsonReader {
  private static final Pattern NUMBER =
      Pattern.compile("(-?(?:0|[1-9]\\d*))(\\.\\d+)?([eE][+-]?\\d+)?");
  private static final int DEPTH = 200;

  private final Text text;
  private final String source;
  private int place;
  private int depth;

  private JsonReader(Text text) {
    this.text = text;
    source = text.toString();
  }

  /// @throws EvaluationError when it isn't JSON
  static Object read(Text text) {
    JsonReader reader = new JsonReader(text);
    Object value = reader.value();
    reader.blanks();
    if (reader.place < reader.source.length()) {
      throw reader.error("Extra data");
    }
    return value;
  }

  private EvaluationError error(String message) {
    return new EvaluationError(message + ": character " + place + " of the JSON text");
  }

  private void blanks() {
    while (place < source.length() && " \t\n\r".indexOf(source.charAt(place)) >= 0) {
      place++;
    }
  }

  private Object value() {
    blanks();
    if (++depth > DEPTH) {
      throw error("nested deeper than " + DEPTH + " levels");
    }
    Object value =
        switch (place < source.length() ? source.charAt(place) : '\0') {
          case '{' -> object();
          case '[' -> list();
          case '"' -> string();
          default -> literal();
        };
    depth--;
    return value;
  }

  private Object literal() {
    for (String word : List.of("true", "false", "null")) {
      if (source.startsWith(word, place)) {
        place += word.length();
        return word.equals("null") ? null : (Object) word.equals("true");
      }
    }
    Matcher matcher = NUMBER.matcher(source).region(place, source.length());
    if (!matcher.lookingAt()) {
      throw error("Expecting value");
    }
    place = matcher.end();
    boolean whole = matcher.group(2) == null && matcher.group(3) == null;
    if (whole && matcher.group().length() > Numbers.DIGITS) {
      throw error("a number of more than " + Numbers.DIGITS + " digits");
    }
    return whole
        ? Numbers.narrow(new BigInteger(matcher.group()))
        : (Object) Double.valueOf(matcher.group());
  }

  private Map<Object, Object> object() {
    Map<Object, Object> map = new LinkedHashMap<>();
    place++;
    blanks();
    while (!skip('}')) {
      if (!map.isEmpty()) {
        expect(',');
        blanks();
      }
      if (place >= source.length() || source.charAt(place) != '"') {
        throw error("Expecting property name enclosed in double quotes");
      }
      Text key = string();
      blanks();
      expect(':');
      map.put(key, value());
      blanks();
    }
    return map;
  }

  private List<Object> list() {
    List<Object> items = new ArrayList<>();
    place++;
    blanks();
    while (!skip(']')) {
      if (!items.isEmpty()) {
        expect(',');
      }
      items.add(value());
      blanks();
    }
    return items;
  }

  private boolean skip(char c) {
    boolean found = place < source.length() && source.charAt(place) == c;
    place += found ? 1 : 0;
    return found;
  }

  private void expect(char c) {
    if (!skip(c)) {
      throw error("Expecting '" + c + "'");
    }
  }

  private Text string() {
    StringBuilder out = new StringBuilder();
    int start = place++;
    while (place < source.length() && source.charAt(place) != '"') {
      char c = source.charAt(place++);
      if (c < ' ') {
        throw error("Invalid control character");
      }
      out.append(c == '\\' ? escape() : c);
    }
    if (!skip('"')) {
      throw error("Unterminated string");
    }
    return Text.of(out.toString(), text.originAt(start));
  }

  private char escape() {
    char c = place < source.length() ? source.charAt(place++) : '\0';
    int simple = "\"\\/bfnrt".indexOf(c);
    if (simple >= 0) {
      return "\"\\/\b\f\n\r\t".charAt(simple);
    }
    if (c == 'u' && place + 4 <= source.length()) {
      String digits = source.substring(place, place + 4);
      if (digits.chars().allMatch(d -> Character.digit(d, 16) >= 0)) {
        place += 4;
        return (char) Integer.parseInt(digits, 16);
      }
    }
    throw error("Invalid \\escape");
  }
}
