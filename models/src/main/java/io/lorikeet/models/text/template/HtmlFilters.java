package io.lorikeet.models.text.template;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// Jinja's filters for pages of the web.
final class HtmlFilters {
  private static final Pattern ADDRESS =
      Pattern.compile(
          "((https?://|www\\.)(([\\w%-]+\\.)+)?([a-z]{2,63}|xn--[\\w%]{2,59})"
              + "|([\\w%-]{2,63}\\.)+(com|net|int|edu|gov|org|info|mil)"
              + "|(https?://)((([\\d]{1,3})(\\.[\\d]{1,3}){3})"
              + "|(\\[([\\da-f]{0,4}:){2}([\\da-f]{0,4}:?){1,6}\\])))"
              + "(?::[\\d]{1,5})?(?:[/?#]\\S*)?",
          Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE | Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern MAIL =
      Pattern.compile("\\S+@\\w[\\w.-]*\\.\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern SCHEME =
      Pattern.compile("[\\w.+-]{2,}:(/){0,2}", Pattern.UNICODE_CHARACTER_CLASS);
  private static final String NO_KEY = "/>="; // nor blanks
  private static final String UNQUOTED = "_.-~";

  private final Budget budget;
  private final Operators operators;

  HtmlFilters(Budget budget, Operators operators) {
    this.budget = budget;
    this.operators = operators;
  }

  private Text text(Object value) {
    return PythonValues.text(value, budget);
  }

  /// `urlencode`: a text, or what a dictionary or pairs are as a query.
  Text urlEncode(Object value) {
    TextBuilder out = new TextBuilder(budget);
    if (value instanceof Text || !PythonValues.isIterable(value)) {
      quote(text(value), "/", out);
      return out.build();
    }
    List<Object> pairs = new ArrayList<>();
    if (value instanceof Map<?, ?> map) {
      map.forEach((key, item) -> pairs.add(Items.tuple(key, item)));
    } else {
      pairs.addAll(PythonValues.items(value));
    }
    for (Object pair : pairs) {
      List<Object> both = PythonValues.unpack(pair, 2);
      out.append(out.length() == 0 ? "" : "&");
      quote(text(both.get(0)), "+", out);
      out.append("=");
      quote(text(both.get(1)), "+", out);
    }
    return out.build();
  }

  /// @param kept `/`, which stays as it is, or `+`, which stands for a space
  private static void quote(Text text, String kept, TextBuilder out) {
    String string = text.toString();
    for (int i = 0; i < string.length(); i++) {
      int origin = text.originAt(i);
      int code = string.codePointAt(i);
      i += Character.charCount(code) - 1;
      boolean plain = code < 0x80 && Character.isLetterOrDigit(code);
      if (plain || UNQUOTED.indexOf(code) >= 0 || code == '/' && kept.equals("/")) {
        out.append((char) code, origin);
      } else if (code == ' ' && kept.equals("+")) {
        out.append('+', origin);
      } else {
        for (byte part : Character.toString(code).getBytes(StandardCharsets.UTF_8)) {
          out.append("%%%02X".formatted(part & 0xff), origin);
        }
      }
    }
  }

  /// `striptags`: without tags and comments, blanks as single spaces.
  Text stripTags(Object value) {
    Text bare = without(without(text(value), "<!--", "-->"), "<", ">");
    TextBuilder words = new TextBuilder(budget);
    for (Object word : new TextMethods(budget).words(bare)) {
      words.append(words.length() == 0 ? "" : " ").append((Text) word);
    }
    return HtmlEntities.unescape(words.build(), budget);
  }

  /// Takes out each beginning, its end and what stands between them.
  private Text without(Text text, String begin, String end) {
    TextBuilder out = new TextBuilder(budget);
    String string = text.toString();
    int done = 0;
    while (true) {
      int start = string.indexOf(begin, done);
      int stop = start < 0 ? -1 : string.indexOf(end, start);
      if (stop < 0) {
        return out.append(text, done, text.length()).build();
      }
      out.append(text, done, start);
      done = stop + end.length();
    }
  }

  /// `xmlattr`: what a dictionary says, as attributes of a tag.
  Text xmlAttributes(Object value, Arguments arguments) {
    if (!(value instanceof Map<?, ?> map)) {
      if (value instanceof Undefined undefined) {
        throw undefined.error();
      }
      throw new EvaluationError(
          "'" + PythonValues.typeName(value) + "' object has no attribute 'items'");
    }
    TextBuilder out = new TextBuilder(budget);
    boolean space = arguments.truth(0, "autospace", true);
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      if (entry.getValue() == null || entry.getValue() instanceof Undefined) {
        continue;
      }
      if (!(entry.getKey() instanceof Text key)) {
        throw new EvaluationError(
            "expected string or bytes-like object, got '"
                + PythonValues.typeName(entry.getKey())
                + "'");
      }
      if (key.toString().chars().anyMatch(c -> c == ' ' || isNoKey((char) c))) {
        throw new EvaluationError(
            "Invalid character in attribute name: " + PythonValues.repr(key, budget));
      }
      out.append(space || out.length() > 0 ? " " : "").append(operators.escaped(key));
      out.append("=\"").append(operators.escaped(text(entry.getValue()))).append("\"");
    }
    return out.build();
  }

  private static boolean isNoKey(char c) {
    return PythonText.isSpace(c) || NO_KEY.indexOf(c) >= 0;
  }

  /// `urlize`: addresses as links.
  ///
  /// @param arguments `trim_url_limit=None, nofollow=False, target=None, rel=None,
  ///     extra_schemes=None`
  Text urlize(Object value, Arguments arguments) {
    Links links = new Links(arguments);
    Text text = operators.escaped(text(value)).asMarkup(false);
    String string = text.toString();
    TextBuilder out = new TextBuilder(budget);
    int at = 0;
    while (at < string.length()) {
      int end = at;
      while (end < string.length() && !PythonText.isSpace(string.charAt(end))) {
        end++;
      }
      links.word(text.substring(at, end), out);
      at = end;
      while (end < string.length() && PythonText.isSpace(string.charAt(end))) {
        end++;
      }
      out.append(text, at, end);
      at = end;
    }
    return out.build();
  }

  /// How links are written.
  private final class Links {
    private static final List<List<String>> PAIRS =
        List.of(List.of("(", ")"), List.of("<", ">"), List.of("&lt;", "&gt;"));

    private final long limit;
    private final String attributes;
    private final List<String> schemes = new ArrayList<>();

    Links(Arguments arguments) {
      Object most = arguments.get(0, "trim_url_limit", null);
      limit = most == null ? Long.MAX_VALUE : Numbers.index(most);
      TreeSet<String> relations = new TreeSet<>(List.of("noopener"));
      if (arguments.truth(1, "nofollow", false)) {
        relations.add("nofollow");
      }
      Object given = arguments.get(3, "rel", null);
      if (given != null) {
        new TextMethods(budget).words(text(given)).forEach(word -> relations.add(word.toString()));
      }
      Object target = arguments.get(2, "target", null);
      attributes =
          " rel=\""
              + operators.escaped(Text.of(String.join(" ", relations)))
              + "\""
              + (target == null || !PythonValues.truth(target)
                  ? ""
                  : " target=\"" + operators.escaped(text(target)) + "\"");
      Object more = arguments.get(4, "extra_schemes", null);
      for (Object scheme : more == null ? List.of() : PythonValues.items(more)) {
        if (!SCHEME.matcher(scheme.toString()).matches()) {
          throw new EvaluationError(
              PythonValues.repr(scheme, budget) + " is not a valid URI scheme prefix.");
        }
        schemes.add(scheme.toString());
      }
    }

    /// Writes a word, as a link if it is an address. Brackets and marks around it stay outside, but
    /// for the closing brackets that the address has opened.
    void word(Text word, TextBuilder out) {
      budget.spend(1);
      String string = word.toString();
      int start = 0;
      for (int length = 1; length > 0; start += length) {
        length = string.startsWith("&lt;", start) ? 4 : isAt(string, start, "(<") ? 1 : 0;
        if (length == 0) {
          break;
        }
      }
      int end = balanced(string, start, endOfAddress(string, start));
      out.append(word, 0, start);
      link(word.substring(start, end), out);
      out.append(word, end, word.length());
    }

    private static boolean isAt(String string, int place, String characters) {
      return place < string.length() && characters.indexOf(string.charAt(place)) >= 0;
    }

    private static int endOfAddress(String string, int start) {
      int end = string.length();
      while (end > start) {
        boolean bracket = end - start >= 4 && string.startsWith("&gt;", end - 4);
        if (!bracket && ")>.,".indexOf(string.charAt(end - 1)) < 0) {
          break;
        }
        end -= bracket ? 4 : 1;
      }
      return end;
    }

    private static int balanced(String string, int start, int endOfAddress) {
      int end = endOfAddress;
      for (List<String> pair : PAIRS) {
        String open = pair.get(0);
        String close = pair.get(1);
        int opened = count(string.substring(start, end), open);
        if (opened > count(string.substring(start, end), close)) {
          for (int i = Math.min(opened, count(string.substring(end), close)); i > 0; i--) {
            end = string.indexOf(close, end) + close.length();
          }
        }
      }
      return end;
    }

    private static int count(String string, String part) {
      int count = 0;
      for (int at = string.indexOf(part); at >= 0; at = string.indexOf(part, at + part.length())) {
        count++;
      }
      return count;
    }

    private void link(Text address, TextBuilder out) {
      String string = address.toString();
      boolean mail = string.startsWith("mailto:");
      if (ADDRESS.matcher(string).matches()) {
        boolean whole = string.startsWith("https://") || string.startsWith("http://");
        Text shown = address;
        if (address.codePoints() > limit) {
          Object part = new Members(budget).slice(address, null, limit, null);
          shown = new TextBuilder(budget).append((Text) part).append("...").build();
        }
        link(whole ? "" : "https://", address, attributes, shown, out);
      } else if (mail && MAIL.matcher(string.substring(7)).matches()) {
        link("", address, "", address.substring(7), out);
      } else if (string.contains("@")
          && !string.startsWith("www.")
          && !string.startsWith("@")
          && !string.contains(":")
          && MAIL.matcher(string).matches()) {
        link("mailto:", address, "", address, out);
      } else if (schemes.stream().anyMatch(s -> !string.equals(s) && string.startsWith(s))) {
        link("", address, attributes, address, out);
      } else {
        out.append(address);
      }
    }

    private static void link(
        String before, Text address, String attributes, Text shown, TextBuilder out) {
      out.append("<a href=\"" + before).append(address);
      out.append("\"" + attributes + ">").append(shown).append("</a>");
    }
  }
}
