package io.lorikeet.quant.convert;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The components of a model's name, such as `meta-llama/Llama-3.2-1B-Instruct`
/// (`Metadata.get_model_id_components` in llama.cpp's `gguf-py/gguf/metadata.py`).
///
/// @param name the whole name without the organization
record ModelName(
    String name,
    Optional<String> organization,
    Optional<String> basename,
    Optional<String> finetune,
    Optional<String> version,
    Optional<String> sizeLabel) {
  private static final Pattern VERSION =
      Pattern.compile("(v|iter)?\\d+([.]\\d+)*", Pattern.CASE_INSENSITIVE);
  private static final Pattern TYPE =
      Pattern.compile("i?q\\d(_\\w)*|b?fp?(16|32)", Pattern.CASE_INSENSITIVE);
  private static final Pattern SIZE =
      Pattern.compile(
          "(([A]|\\d+[x])?\\d+([._]\\d+)?[KMBT][\\d]?|small|mini|medium|large|x?xl)",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern FINETUNE =
      Pattern.compile("chat|instruct|vision|lora", Pattern.CASE_INSENSITIVE);
  private static final Pattern STAYS_LOWER = Pattern.compile("(v\\d+(\\.\\d+)*|\\d.*)");

  private enum Kind {
    BASENAME,
    SIZE,
    FINETUNE,
    VERSION,
    TYPE
  }

  private record Part(String text, Set<Kind> kinds) {}

  /// Reads a model's name.
  ///
  /// @param parameters elements of all its tensors: a size far from it is a context length
  static ModelName of(String id, long parameters) {
    if (id.contains(" ")) {
      return new ModelName(
          id,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());
    }
    int slash = id.indexOf('/');
    Optional<String> organization =
        slash <= 0 || id.startsWith(".") ? Optional.empty() : Optional.of(id.substring(0, slash));
    String name = id.substring(slash + 1);
    List<Part> parts = parts(name, parameters);
    markBasename(parts);
    Optional<String> size = join(new ArrayList<>(new LinkedHashSet<>(texts(parts, Kind.SIZE))));
    Optional<String> finetune = join(texts(parts, Kind.FINETUNE));
    Optional<String> version =
        join(
            parts.stream()
                .filter(part -> part.kinds.contains(Kind.VERSION))
                .filter(part -> !part.kinds.contains(Kind.BASENAME))
                .map(Part::text)
                .toList());
    boolean ambiguous = size.isEmpty() && finetune.isEmpty() && version.isEmpty();
    Optional<String> basename = ambiguous ? Optional.empty() : join(texts(parts, Kind.BASENAME));
    return new ModelName(name, organization, basename, finetune, version, size);
  }

  private static List<Part> parts(String name, long parameters) {
    List<Part> parts = new ArrayList<>();
    for (String text : name.split("-")) {
      if (text.isEmpty()) {
        continue;
      }
      Set<Kind> kinds = EnumSet.noneOf(Kind.class);
      String written = text;
      if (VERSION.matcher(text).matches()) {
        kinds.add(Kind.VERSION);
      } else if (TYPE.matcher(text).matches()) {
        kinds.add(Kind.TYPE);
        written = text.toUpperCase(Locale.ROOT);
      } else if (!parts.isEmpty() && SIZE.matcher(text).matches()) {
        written = size(text);
        if (isContextLength(written, parameters)) {
          kinds.add(Kind.FINETUNE);
          int last = written.length() - 1;
          written = written.substring(0, last) + Character.toLowerCase(written.charAt(last));
        } else {
          kinds.add(Kind.SIZE);
        }
      } else if (!parts.isEmpty() && FINETUNE.matcher(text).matches()) {
        kinds.add(Kind.FINETUNE);
      }
      parts.add(new Part(written, kinds));
    }
    // A word such as "mini" is no size where there is a number.
    if (texts(parts, Kind.SIZE).stream().anyMatch(text -> text.matches(".*\\d.*"))) {
      parts.stream()
          .filter(part -> part.text.chars().allMatch(Character::isLetter))
          .forEach(part -> part.kinds.remove(Kind.SIZE));
    }
    return parts;
  }

  /// `7b1` becomes `7.1B`, `7b` becomes `7B`.
  private static String size(String text) {
    String size = text.replace('_', '.');
    int last = size.length() - 1;
    if (Character.isDigit(size.charAt(last))) {
      size = size.substring(0, last - 1) + "." + size.charAt(last) + size.charAt(last - 1);
    }
    last = size.length() - 1;
    if (last > 0
        && Character.isDigit(size.charAt(last - 1))
        && "kmbt".indexOf(size.charAt(last)) >= 0) {
      size = size.substring(0, last) + Character.toUpperCase(size.charAt(last));
    }
    return size;
  }

  private static boolean isContextLength(String size, long parameters) {
    Matcher number = Pattern.compile("(\\d+(?:\\.\\d+)?)([KMBT])").matcher(size);
    if (parameters <= 0 || !number.matches()) {
      return false;
    }
    double count =
        Double.parseDouble(number.group(1)) * Math.pow(1000, " KMBT".indexOf(number.group(2)));
    return Math.abs(count - parameters) > Math.floorDiv(7 * parameters, 8);
  }

  private static void markBasename(List<Part> parts) {
    boolean atStart = true;
    for (Part part : parts) {
      boolean plain = part.kinds.isEmpty() && Character.isLetter(part.text.charAt(0));
      if (atStart && (plain || part.kinds.contains(Kind.VERSION))) {
        part.kinds.add(Kind.BASENAME);
        continue;
      }
      atStart = false;
      if (part.kinds.isEmpty()) {
        part.kinds.add(Kind.FINETUNE);
      }
    }
    for (Part part : parts.reversed()) { // a version at the end is no part of it
      if (!part.kinds.contains(Kind.BASENAME) || part.kinds.size() == 1) {
        break;
      }
      part.kinds.remove(Kind.BASENAME);
    }
  }

  private static List<String> texts(List<Part> parts, Kind kind) {
    return parts.stream().filter(part -> part.kinds.contains(kind)).map(Part::text).toList();
  }

  private static Optional<String> join(List<String> texts) {
    return texts.isEmpty() ? Optional.empty() : Optional.of(String.join("-", texts));
  }

  /// With capitals as in a title: `tiny-llama-v1` becomes `Tiny Llama v1`.
  static String title(String name) {
    return List.of(name.strip().replace('-', ' ').split("\\s+")).stream()
        .map(
            word ->
                word.equals(word.toLowerCase(Locale.ROOT))
                        && word.chars().anyMatch(Character::isLetter)
                        && !STAYS_LOWER.matcher(word).matches()
                    ? capitalized(word)
                    : word)
        .collect(Collectors.joining(" "));
  }

  /// As Python's `title`: a capital after everything that is no letter.
  private static String capitalized(String word) {
    StringBuilder title = new StringBuilder();
    boolean start = true;
    for (char c : word.toCharArray()) {
      title.append(start ? Character.toUpperCase(c) : c);
      start = !Character.isLetter(c);
    }
    return title.toString();
  }
}
