package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;

/// The methods of Python's `str`.
final class TextMethods {
  static final Set<String> NAMES =
      Set.of(
          "capitalize",
          "casefold",
          "center",
          "count",
          "endswith",
          "find",
          "format",
          "index",
          "isalnum",
          "isalpha",
          "isdecimal",
          "isdigit",
          "islower",
          "isnumeric",
          "isspace",
          "isupper",
          "join",
          "ljust",
          "lower",
          "lstrip",
          "partition",
          "removeprefix",
          "removesuffix",
          "replace",
          "rfind",
          "rindex",
          "rjust",
          "rpartition",
          "rsplit",
          "rstrip",
          "split",
          "splitlines",
          "startswith",
          "strip",
          "swapcase",
          "title",
          "upper",
          "zfill");

  private final Budget budget;
  private final Formatting formatting;

  TextMethods(Budget budget) {
    this.budget = budget;
    formatting = new Formatting(budget);
  }

  Object call(Text text, String name, Arguments arguments) {
    budget.spendText(text.length());
    String string = text.toString();
    return switch (name) {
      case "lower", "casefold" -> text.withSameOrigins(string.toLowerCase(Locale.ROOT));
      case "upper" -> text.withSameOrigins(string.toUpperCase(Locale.ROOT));
      case "capitalize" -> capitalize(text);
      case "title" -> title(text);
      case "swapcase" -> swapCase(text);
      case "strip" -> strip(text, stripped(arguments), true, true);
      case "lstrip" -> strip(text, stripped(arguments), true, false);
      case "rstrip" -> strip(text, stripped(arguments), false, true);
      case "split" -> split(text, arguments);
      case "rsplit" -> splitFromEnd(text, arguments);
      case "splitlines" -> new ArrayList<Object>(lines(text));
      case "partition", "rpartition" -> partition(text, arguments, name.equals("partition"));
      case "replace" ->
          replace(
              text,
              PythonValues.requireText(arguments.require(0, "old")),
              PythonValues.requireText(arguments.require(1, "new")),
              arguments.integer(2, "count", -1));
      case "startswith", "endswith" -> hasAffix(string, name.equals("startswith"), arguments);
      case "removeprefix" -> {
        String prefix = arguments.text(0, "prefix");
        yield string.startsWith(prefix) ? text.substring(prefix.length()) : text;
      }
      case "removesuffix" -> {
        String suffix = arguments.text(0, "suffix");
        yield string.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
      }
      case "find", "index" -> {
        int place = Search.first(string, arguments.text(0, "sub"), 0);
        yield found(string, place, name.equals("index"));
      }
      case "rfind", "rindex" -> {
        int place = Search.last(string, arguments.text(0, "sub"));
        yield found(string, place, name.equals("rindex"));
      }
      case "count" -> count(string, arguments.text(0, "sub"));
      case "join" -> join(text, PythonValues.items(arguments.require(0, "iterable")));
      case "format" -> formatting.format(text, arguments);
      case "center", "ljust", "rjust", "zfill" -> justify(text, name, arguments);
      default -> is(string, name);
    };
  }

  static Text capitalize(Text text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.toString().codePointAt(0));
    String string = text.toString();
    return text.withSameOrigins(
        string.substring(0, first).toUpperCase(Locale.ROOT)
            + string.substring(first).toLowerCase(Locale.ROOT));
  }

  private static Text title(Text text) {
    StringBuilder out = new StringBuilder();
    boolean inside = false;
    for (char c : text.toString().toCharArray()) {
      out.append(inside ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inside = Character.isLetter(c);
    }
    return text.withSameOrigins(out.toString());
  }

  private static Text swapCase(Text text) {
    StringBuilder out = new StringBuilder();
    for (char c : text.toString().toCharArray()) {
      out.append(Character.isUpperCase(c) ? Character.toLowerCase(c) : Character.toUpperCase(c));
    }
    return text.withSameOrigins(out.toString());
  }

  private static String stripped(Arguments arguments) {
    Object characters = arguments.get(0, "chars", null);
    return characters == null ? null : PythonValues.requireText(characters).toString();
  }

  /// @param characters the characters to strip; null for blanks
  static Text strip(Text text, String characters, boolean start, boolean end) {
    String string = text.toString();
    int from = 0;
    int to = string.length();
    while (start && from < to && isStripped(string.charAt(from), characters)) {
      from++;
    }
    while (end && to > from && isStripped(string.charAt(to - 1), characters)) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isStripped(char c, String characters) {
    return characters == null ? PythonText.isSpace(c) : characters.indexOf(c) >= 0;
  }

  private List<Object> split(Text text, Arguments arguments) {
    long limit = arguments.integer(1, "maxsplit", -1);
    Object separator = arguments.get(0, "sep", null);
    return separator == null ? words(text, limit) : split(text, separator(separator), limit);
  }

  private static String separator(Object value) {
    String separator = PythonValues.requireText(value).toString();
    if (separator.isEmpty()) {
      throw new EvaluationError("empty separator");
    }
    return separator;
  }

  private List<Object> split(Text text, String separator, long limit) {
    List<Object> parts = new ArrayList<>();
    int from = 0;
    int at = Search.first(text.toString(), separator, 0);
    while (at >= 0 && (limit < 0 || parts.size() < limit)) {
      budget.spend(Budget.ROOM);
      parts.add(text.substring(from, at));
      from = at + separator.length();
      at = Search.first(text.toString(), separator, from);
    }
    parts.add(text.substring(from));
    return parts;
  }

  /// The parts between blanks.
  List<Object> words(Text text) {
    return words(text, -1);
  }

  private List<Object> words(Text text, long limit) {
    List<Object> words = new ArrayList<>();
    Text stripped = strip(text, null, true, false);
    String string = stripped.toString();
    int at = 0;
    while (at < string.length()) {
      if (limit >= 0 && words.size() >= limit) {
        words.add(stripped.substring(at));
        break;
      }
      int end = at;
      while (end < string.length() && !PythonText.isSpace(string.charAt(end))) {
        end++;
      }
      budget.spend(Budget.ROOM);
      words.add(stripped.substring(at, end));
      at = end;
      while (at < string.length() && PythonText.isSpace(string.charAt(at))) {
        at++;
      }
    }
    return words;
  }

  private List<Object> splitFromEnd(Text text, Arguments arguments) {
    long limit = arguments.integer(1, "maxsplit", -1);
    Object given = arguments.get(0, "sep", null);
    if (limit < 0) {
      return split(text, arguments);
    }
    List<Object> parts = new ArrayList<>();
    Text rest = given == null ? strip(text, null, false, true) : text;
    String separator = given == null ? null : separator(given);
    while (parts.size() < limit) {
      int at = separator == null ? lastBlank(rest) : Search.last(rest.toString(), separator);
      if (at < 0) {
        break;
      }
      budget.spendText(rest.length()); // which is copied
      int width = separator == null ? 1 : separator.length();
      parts.addFirst(rest.substring(at + width));
      rest = rest.substring(0, at);
      rest = separator == null ? strip(rest, null, false, true) : rest;
    }
    if (separator != null || !rest.isEmpty()) {
      parts.addFirst(rest);
    }
    return parts;
  }

  private static int lastBlank(Text text) {
    int at = text.length() - 1;
    while (at >= 0 && !PythonText.isSpace(text.toString().charAt(at))) {
      at--;
    }
    return at;
  }

  /// The lines of a text, without their ends.
  static List<Text> lines(Text text) {
    List<Text> lines = new ArrayList<>();
    String string = text.toString();
    int from = 0;
    for (int i = 0; i < string.length(); i++) {
      char c = string.charAt(i);
      boolean ends =
          c >= '\n' && c <= '\r'
              || c >= 0x1c && c <= 0x1e
              || c == 0x85
              || c == 0x2028
              || c == 0x2029;
      if (ends) {
        lines.add(text.substring(from, i));
        boolean pair = c == '\r' && i + 1 < string.length() && string.charAt(i + 1) == '\n';
        i += pair ? 1 : 0;
        from = i + 1;
      }
    }
    if (from < string.length()) {
      lines.add(text.substring(from));
    }
    return lines;
  }

  private static Items partition(Text text, Arguments arguments, boolean first) {
    Text separator = PythonValues.requireText(arguments.require(0, "sep"));
    String wanted = separator(separator);
    int at =
        first ? Search.first(text.toString(), wanted, 0) : Search.last(text.toString(), wanted);
    if (at < 0) {
      return first
          ? Items.tuple(text, Text.EMPTY, Text.EMPTY)
          : Items.tuple(Text.EMPTY, Text.EMPTY, text);
    }
    int end = at + wanted.length();
    return Items.tuple(text.substring(0, at), text.substring(at, end), text.substring(end));
  }

  /// @param limit how many are replaced at most; all where it is negative
  Text replace(Text text, Text old, Text replacement, long limit) {
    TextBuilder out = new TextBuilder(budget);
    String string = text.toString();
    int done = 0;
    long count = 0;
    int at = Search.first(string, old.toString(), 0);
    while (at >= 0 && (limit < 0 || count < limit)) {
      count++;
      out.append(text, done, at).append(replacement);
      done = at + old.length();
      if (old.isEmpty()) {
        if (at == string.length()) {
          break;
        }
        out.append(text, at, at + 1);
        done = at + 1;
      }
      at = Search.first(string, old.toString(), done);
    }
    return count == 0 ? text : out.append(text, done, text.length()).build();
  }

  private static boolean hasAffix(String string, boolean start, Arguments arguments) {
    Object affix = arguments.require(0, "prefix");
    List<Object> affixes =
        PythonValues.isTuple(affix)
            ? ((Items) affix).take()
            : List.of(PythonValues.requireText(affix));
    return affixes.stream()
        .map(one -> PythonValues.requireText(one).toString())
        .anyMatch(one -> start ? string.startsWith(one) : string.endsWith(one));
  }

  private static Object found(String string, int place, boolean required) {
    if (place < 0 && required) {
      throw new EvaluationError("substring not found");
    }
    return place < 0 ? -1L : (long) string.codePointCount(0, place);
  }

  private static long count(String string, String part) {
    if (part.isEmpty()) {
      return string.codePointCount(0, string.length()) + 1L;
    }
    long count = 0;
    for (int at = Search.first(string, part, 0);
        at >= 0;
        at = Search.first(string, part, at + part.length())) {
      count++;
    }
    return count;
  }

  private Text join(Text separator, List<Object> items) {
    TextBuilder out = new TextBuilder(budget);
    for (int i = 0; i < items.size(); i++) {
      if (!(items.get(i) instanceof Text part)) {
        throw new EvaluationError(
            "sequence item %s: expected str instance, %s found"
                .formatted(i, PythonValues.typeName(items.get(i))));
      }
      out.append(i == 0 ? Text.EMPTY : separator).append(part);
    }
    return out.build();
  }

  private Text justify(Text text, String name, Arguments arguments) {
    long missing = arguments.integer(0, "width", 0) - PythonValues.length(text);
    if (missing <= 0) {
      return text;
    }
    Text fill =
        name.equals("zfill")
            ? Text.of("0")
            : PythonValues.requireText(arguments.get(1, "fillchar", Text.of(" ")));
    long before =
        switch (name) {
          case "ljust" -> 0;
          case "center" -> missing / 2 + (missing & arguments.integer(0, "width", 0) & 1);
          default -> missing;
        };
    boolean signed =
        name.equals("zfill") && !text.isEmpty() && "+-".indexOf(text.toString().charAt(0)) >= 0;
    int start = signed ? 1 : 0;
    return new TextBuilder(budget)
        .append(text, 0, start)
        .repeat(fill, before)
        .append(text, start, text.length())
        .repeat(fill, missing - before)
        .build();
  }

  private static boolean is(String string, String name) {
    IntPredicate wanted =
        switch (name) {
          case "isalpha" -> Character::isLetter;
          case "isalnum" -> Character::isLetterOrDigit;
          case "isdigit", "isdecimal", "isnumeric" -> Character::isDigit;
          case "isspace" -> c -> c < 0x10000 && PythonText.isSpace((char) c);
          case "islower" -> c -> !Character.isUpperCase(c);
          default -> c -> !Character.isLowerCase(c);
        };
    boolean cased = name.equals("islower") || name.equals("isupper");
    boolean any =
        !cased
            || string
                .codePoints()
                .anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
    return !string.isEmpty() && any && string.codePoints().allMatch(wanted);
  }
}
