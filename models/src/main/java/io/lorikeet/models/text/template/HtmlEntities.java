package io.lorikeet.models.text.template;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// HTML's character references, as Python's `html.unescape` reads them.
final class HtmlEntities {
  private static final Pattern REFERENCE =
      Pattern.compile("&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)");
  private static final Charset WINDOWS = Charset.forName("windows-1252");
  private static final String UNKNOWN = "\ufffd";

  private HtmlEntities() {}

  /// HTML 5's names and their characters. A line of the file has a name and the code points; the
  /// names with a semicolon before them are known only with one after them.
  private static final class Names {
    static final Map<String, String> ALL = read();

    private static Map<String, String> read() {
      Map<String, String> names = new HashMap<>();
      try (InputStream file = HtmlEntities.class.getResourceAsStream("html-entities.txt")) {
        for (String line : new String(file.readAllBytes(), StandardCharsets.US_ASCII).split("\n")) {
          String[] parts = line.split(" ");
          StringBuilder value = new StringBuilder();
          for (int i = 1; i < parts.length; i++) {
            value.appendCodePoint(Integer.parseInt(parts[i], 16));
          }
          String name = parts[0].startsWith(";") ? parts[0].substring(1) : parts[0];
          names.put(name + ";", value.toString());
          if (!parts[0].startsWith(";")) {
            names.put(name, value.toString());
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return names;
    }
  }

  /// A text with the references replaced; what comes of one has the origin of its `&`.
  static Text unescape(Text text, Budget budget) {
    TextBuilder out = new TextBuilder(budget);
    Matcher matcher = REFERENCE.matcher(text.toString());
    int done = 0;
    while (matcher.find()) {
      out.append(text, done, matcher.start());
      String reference = matcher.group(1);
      String meaning = reference.startsWith("#") ? number(reference) : name(reference);
      out.append(meaning, text.originAt(matcher.start()));
      done = matcher.end();
    }
    return out.append(text, done, text.length()).build();
  }

  private static String number(String reference) {
    boolean hexadecimal = reference.charAt(1) == 'x' || reference.charAt(1) == 'X';
    String digits = reference.substring(hexadecimal ? 2 : 1).replace(";", "");
    if (digits.length() > Numbers.DIGITS) {
      throw new EvaluationError("a number of more than " + Numbers.DIGITS + " digits");
    }
    BigInteger number = new BigInteger(digits, hexadecimal ? 16 : 10);
    int code = number.bitLength() < 31 ? number.intValue() : Integer.MAX_VALUE;
    if (code >= 0x80 && code <= 0x9f) {
      String meant = new String(new byte[] {(byte) code}, WINDOWS);
      return meant.equals(UNKNOWN) ? Character.toString(code) : meant;
    }
    if (code == 0
        || code > Character.MAX_CODE_POINT
        || code >= Character.MIN_SURROGATE && code <= Character.MAX_SURROGATE) {
      return UNKNOWN;
    }
    return isForbidden(code) ? "" : Character.toString(code);
  }

  private static boolean isForbidden(int code) {
    return code < ' ' && "\t\n\f\r".indexOf(code) < 0
        || code == 0x7f
        || code >= 0xfdd0 && code <= 0xfdef
        || (code & 0xfffe) == 0xfffe;
  }

  private static String name(String reference) {
    for (int length = reference.length(); length > 1; length--) {
      String meaning = Names.ALL.get(reference.substring(0, length));
      if (meaning != null) {
        return meaning + reference.substring(length);
      }
    }
    return "&" + reference;
  }
}
