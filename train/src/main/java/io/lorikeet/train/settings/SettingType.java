package io.lorikeet.train.settings;

import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.quant.NearestName;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.Predicate;

/// How values of a setting are written, and which there may be.
///
/// @param placeholder stands for a value in help
/// @param list whether several values may be given
/// @param reader makes a value of text; throws an IllegalArgumentException with what was expected
/// @param writer makes of a value what a configuration file has: text, a number, a truth value, or
///     a list
/// @param bounds whether a value is one that there may be
/// @param rule the bounds in words, such as `a whole number from 1 to 8`; empty where there are
///     none
record SettingType<T>(
    String placeholder,
    boolean list,
    Function<List<String>, T> reader,
    Function<T, Object> writer,
    Predicate<T> bounds,
    String rule) {

  private static final String SWITCH = "true|false";

  static <T> SettingType<T> one(
      String placeholder, Function<String, T> reader, Function<T, Object> writer) {
    return new SettingType<>(
        placeholder, false, texts -> reader.apply(only(texts)), writer, _ -> true, "");
  }

  static <T> SettingType<T> many(
      String placeholder, Function<List<String>, T> reader, Function<T, Object> writer) {
    return new SettingType<>(placeholder, true, reader, writer, _ -> true, "");
  }

  /// The same with bounds, which values have that are given in Java, too.
  SettingType<T> within(Predicate<T> allowed, String inWords) {
    return new SettingType<>(placeholder, list, reader, writer, allowed, inWords);
  }

  static SettingType<Integer> count(String placeholder, int least, int most) {
    WholeRange range = new WholeRange(least, most);
    return SettingType.<Integer>one(placeholder, text -> (int) range.parse(text), number -> number)
        .within(range::contains, range.toString());
  }

  static SettingType<Double> number(String placeholder, double least, double most) {
    DecimalRange range = new DecimalRange(least, most);
    return SettingType.<Double>one(placeholder, range::parse, number -> number)
        .within(range::contains, range.toString());
  }

  static SettingType<String> text(String placeholder) {
    return one(placeholder, text -> text, text -> text);
  }

  static SettingType<Boolean> onOrOff() {
    return one(SWITCH, SettingType::truth, value -> value);
  }

  boolean isOnOrOff() {
    return placeholder.equals(SWITCH);
  }

  /// The words that there may be, where there are no others.
  List<String> choices() {
    return placeholder.matches("[a-z0-9_-]+([|][a-z0-9_-]+)+")
        ? List.of(placeholder.split("[|]"))
        : List.of();
  }

  /// A file or folder; written as an absolute path, so that a run can be resumed from any folder.
  static SettingType<Path> path(String placeholder) {
    return one(placeholder, SettingType::file, path -> path.toAbsolutePath().toString());
  }

  /// Names given one by one or with commas.
  static SettingType<List<String>> names(String placeholder) {
    return many(
        placeholder,
        texts ->
            texts.stream()
                .flatMap(text -> Arrays.stream(text.split(",")))
                .map(String::strip)
                .filter(name -> !name.isEmpty())
                .toList(),
        names -> names);
  }

  static <E extends Enum<E>> SettingType<E> choice(Class<E> type) {
    List<String> names = Arrays.stream(type.getEnumConstants()).map(SettingType::name).toList();
    return one(
        String.join("|", names),
        text -> {
          int index = names.indexOf(text.toLowerCase(Locale.ROOT));
          if (index < 0) {
            throw new IllegalArgumentException(
                "expected %s, found '%s'%s"
                    .formatted(orList(names), text, NearestName.hint(text, names)));
          }
          return type.getEnumConstants()[index];
        },
        SettingType::name);
  }

  /// A choice as flags and configuration files have it: types of numbers keep their own spelling.
  static String name(Enum<?> value) {
    String lower = value.name().toLowerCase(Locale.ROOT);
    return value instanceof AdapterStorage ? lower : lower.replace('_', '-');
  }

  private static String orList(List<String> names) {
    int last = names.size() - 1;
    return last == 0
        ? names.getFirst()
        : String.join(", ", names.subList(0, last)) + " or " + names.get(last);
  }

  private static String only(List<String> texts) {
    if (texts.size() != 1) {
      throw new IllegalArgumentException("expected one value, found " + texts.size());
    }
    return texts.getFirst();
  }

  private static Path file(String text) {
    try {
      if (!text.isBlank()) {
        return Path.of(text);
      }
    } catch (InvalidPathException _) {
      // said below
    }
    throw new IllegalArgumentException("expected a file name, found '" + text + "'");
  }

  private static boolean truth(String text) {
    return switch (text.strip().toLowerCase(Locale.ROOT)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("expected true or false, found '" + text + "'");
    };
  }
}
