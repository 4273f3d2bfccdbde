package io.lorikeet.models.text.template;

import io.lorikeet.models.text.template.Token.TokenKind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Divides a template into tokens, as Jinja 3.1 does with `trim_blocks` and `lstrip_blocks`: the
/// line break after a block is dropped, and so are the blanks before a block that begins its line.
final class Lexer {
  private static final Pattern NEWLINE = Pattern.compile("\r\n|\r");
  private static final Pattern RAW_BEGIN =
      Pattern.compile("\\{%[-+]?\\s*raw\\s*(?:-%\\}\\s*|%\\})", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern RAW_END =
      Pattern.compile(
          "\\{%([-+]?)\\s*endraw\\s*(?:\\+%\\}|-%\\}\\s*|%\\}\n?)",
          Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern NAME = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final String DECIMAL = "0123456789";
  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",", ";");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private final Deque<String> open = new ArrayDeque<>(); // brackets of the expression
  private int place;
  private int line = 1;
  private int counted; // characters whose line breaks are in `line`
  private boolean lineStarts = true; // whether the last tag ended with a line break

  private Lexer(String source) {
    this.source = source;
  }

  /// The tokens of a template, an END last.
  ///
  /// @throws SyntaxError when it isn't Jinja
  static List<Token> tokens(String template) {
    String source = NEWLINE.matcher(template).replaceAll("\n");
    Lexer lexer =
        new Lexer(source.endsWith("\n") ? source.substring(0, source.length() - 1) : source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (place < source.length()) {
      int tag = nextTag();
      data(tag);
      if (tag == source.length()) {
        break;
      }
      switch (source.charAt(tag + 1)) {
        case '#' -> comment();
        case '{' -> expression(TokenKind.VARIABLE_BEGIN, TokenKind.VARIABLE_END, "}}", false);
        default -> {
          Matcher raw = RAW_BEGIN.matcher(source).region(tag, source.length());
          if (raw.lookingAt()) {
            raw(raw.end());
          } else {
            expression(TokenKind.BLOCK_BEGIN, TokenKind.BLOCK_END, "%}", true);
          }
        }
      }
    }
    place = source.length();
    add(TokenKind.END, "");
  }

  private int nextTag() {
    for (int i = source.indexOf('{', place); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "%{#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return source.length();
  }

  /// Adds the text up to a tag, without what the tag strips, and goes to the tag.
  private void data(int tag) {
    String text = source.substring(place, tag);
    if (tag < source.length()) {
      boolean variable = source.charAt(tag + 1) == '{';
      char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      text = stripped(text, sign, !variable);
    }
    if (!text.isEmpty()) {
      add(TokenKind.DATA, text);
    }
    place = tag;
  }

  private String stripped(String text, char sign, boolean block) {
    if (sign == '-') {
      return PythonText.stripEnd(text);
    }
    if (sign != '+' && block) {
      int start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || lineStarts) && PythonText.isBlank(text, start)) {
        return text.substring(0, start);
      }
    }
    return text;
  }

  private void comment() {
    int end = source.indexOf("#}", place + 2);
    if (end < 0) {
      throw new SyntaxError(line(), "a comment, {# …, without #}");
    }
    char sign = end > place + 2 ? source.charAt(end - 1) : ' ';
    place = end + 2;
    afterBlock(sign);
  }

  private void raw(int begin) {
    Matcher end = RAW_END.matcher(source).region(begin, source.length());
    if (!end.find()) {
      throw new SyntaxError(line(), "{% raw %} without {% endraw %}");
    }
    lineStarts = source.charAt(begin - 1) == '\n';
    place = begin;
    char sign = end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0);
    String text = stripped(source.substring(begin, end.start()), sign, true);
    if (!text.isEmpty()) {
      add(TokenKind.DATA, text);
    }
    place = end.end();
    lineStarts = source.charAt(place - 1) == '\n';
  }

  /// Strips what follows the end of a block or comment.
  private void afterBlock(char sign) {
    if (sign == '-') {
      skipBlanks();
    } else if (sign != '+' && place < source.length() && source.charAt(place) == '\n') {
      place++;
    }
    lineStarts = source.charAt(place - 1) == '\n';
  }

  private void skipBlanks() {
    while (place < source.length() && PythonText.isSpace(source.charAt(place))) {
      place++;
    }
  }

  private void expression(TokenKind begin, TokenKind end, String delimiter, boolean block) {
    add(begin, source.substring(place, place + 2));
    place += 2;
    if (place < source.length() && "-+".indexOf(source.charAt(place)) >= 0) {
      place++;
    }
    open.clear();
    while (true) {
      skipBlanks();
      if (place >= source.length()) {
        throw new SyntaxError(line(), "the template ends inside of " + tokens.getLast().text());
      }
      if (open.isEmpty() && ends(delimiter, block)) {
        char sign = source.charAt(place);
        add(end, delimiter);
        place += sign == delimiter.charAt(0) ? 2 : 3;
        if (block) {
          afterBlock(sign);
        } else {
          if (sign == '-') {
            skipBlanks();
          }
          lineStarts = source.charAt(place - 1) == '\n';
        }
        return;
      }
      token();
    }
  }

  private boolean ends(String delimiter, boolean block) {
    return source.startsWith(delimiter, place)
        || source.startsWith("-" + delimiter, place)
        || block && source.startsWith("+" + delimiter, place);
  }

  private void token() {
    char first = source.charAt(place);
    if (first == '"' || first == '\'') {
      string(first);
    } else if (first >= '0' && first <= '9') {
      number();
    } else {
      Matcher name = NAME.matcher(source).region(place, source.length());
      if (name.lookingAt()) {
        add(TokenKind.NAME, name.group());
        place = name.end();
      } else {
        operator();
      }
    }
  }

  /// A number, as long as Python's patterns for floats and whole numbers take it.
  private void number() {
    int end = place > 0 && source.charAt(place - 1) == '.' ? place : endOfFloat();
    TokenKind kind = end > place ? TokenKind.FLOAT : TokenKind.INTEGER;
    end = end > place ? end : endOfInteger();
    if (end - place > Numbers.DIGITS) {
      throw new SyntaxError(line(), "a number of more than " + Numbers.DIGITS + " digits");
    }
    add(kind, source.substring(place, end));
    place = end;
  }

  /// Where a float ends that begins here; here, if none does.
  private int endOfFloat() {
    int whole = endOfDigits(place, DECIMAL);
    int end = whole;
    if (isAt(end, ".")) {
      int fraction = endOfDigits(end + 1, DECIMAL);
      end = fraction > end + 1 ? fraction : end;
    }
    if (isAt(end, "eE")) {
      int from = end + (isAt(end + 1, "+-") ? 2 : 1);
      int exponent = endOfDigits(from, DECIMAL);
      end = exponent > from ? exponent : end;
    }
    return end > whole ? end : place;
  }

  private int endOfInteger() {
    boolean zero = isAt(place, "0");
    String digits =
        isAt(place + 1, "xX")
            ? DECIMAL + "abcdefABCDEF"
            : isAt(place + 1, "oO") ? "01234567" : isAt(place + 1, "bB") ? "01" : "";
    int from = place + (isAt(place + 2, "_") ? 3 : 2);
    int end = zero && !digits.isEmpty() ? endOfDigits(from, digits) : from;
    return end > from ? end : endOfDigits(place, zero ? "0" : DECIMAL);
  }

  /// Where digits end that begin at a place; there may be single underscores between them.
  private int endOfDigits(int from, String digits) {
    int end = from;
    while (isAt(end, digits) || end > from && isAt(end, "_") && isAt(end + 1, digits)) {
      end++;
    }
    return end;
  }

  private boolean isAt(int index, String characters) {
    return index < source.length() && characters.indexOf(source.charAt(index)) >= 0;
  }

  private void string(char quote) {
    int end = place + 1;
    while (end < source.length() && source.charAt(end) != quote) {
      end += source.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= source.length()) {
      throw new SyntaxError(line(), "a string without its closing " + quote);
    }
    add(TokenKind.STRING, PythonText.unescape(source.substring(place + 1, end)));
    place = end + 1;
  }

  private void operator() {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, place)) {
        balance(operator);
        add(TokenKind.OPERATOR, operator);
        place += operator.length();
        return;
      }
    }
    throw new SyntaxError(
        line(), "unexpected character '" + Character.toString(source.codePointAt(place)) + "'");
  }

  private void balance(String operator) {
    switch (operator) {
      case "(" -> open.push(")");
      case "[" -> open.push("]");
      case "{" -> open.push("}");
      case ")", "]", "}" -> {
        if (open.isEmpty() || !open.pop().equals(operator)) {
          throw new SyntaxError(line(), "unexpected '" + operator + "'");
        }
      }
      default -> {}
    }
  }

  private void add(TokenKind kind, String text) {
    tokens.add(new Token(kind, text, line()));
  }

  private int line() {
    for (; counted < place; counted++) {
      line += source.charAt(counted) == '\n' ? 1 : 0;
    }
    return line;
  }
}
