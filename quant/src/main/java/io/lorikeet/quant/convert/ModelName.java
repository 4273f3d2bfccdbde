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

  private enum Role {
    BASENAME,
    SIZE,
    FINETUNE,
    VERSION,
    TYPE
  }

  private record Component(String text, Set<Role> roles) {}

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
    List<Component> components = components(name, parameters);
    markBasename(components);
    Optional<String> size =
        join(new ArrayList<>(new LinkedHashSet<>(texts(components, Role.SIZE))));
    Optional<String> finetune = join(texts(components, Role.FINETUNE));
    Optional<String> version =
        join(
            components.stream()
                .filter(component -> component.roles.contains(Role.VERSION))
                .filter(component -> !component.roles.contains(Role.BASENAME))
                .map(Component::text)
                .toList());
    boolean ambiguous = size.isEmpty() && finetune.isEmpty() && version.isEmpty();
    Optional<String> basename =
        ambiguous ? Optional.empty() : join(texts(components, Role.BASENAME));
    return new ModelName(name, organization, basename, finetune, version, size);
  }

  private static List<Component> components(String name, long parameters) {
    List<Component> components = new ArrayList<>();
    for (String text : name.split("-")) {
      if (text.isEmpty()) {
        continue;
      }
      Set<Role> roles = EnumSet.noneOf(Role.class);
      String written = text;
      if (VERSION.matcher(text).matches()) {
        roles.add(Role.VERSION);
      } else if (TYPE.matcher(text).matches()) {
        roles.add(Role.TYPE);
        written = text.toUpperCase(Locale.ROOT);
      } else if (!components.isEmpty() && SIZE.matcher(text).matches()) {
        written = size(text);
        if (isContextLength(written, parameters)) {
          roles.add(Role.FINETUNE);
          int last = written.length() - 1;
          written = written.substring(0, last) + Character.toLowerCase(written.charAt(last));
        } else {
          roles.add(Role.SIZE);
        }
      } else if (!components.isEmpty() && FINETUNE.matcher(text).matches()) {
        roles.add(Role.FINETUNE);
      }
      components.add(new Component(written, roles));
    }
    // A word such as "mini" is no size where there is a number.
    if (texts(components, Role.SIZE).stream().anyMatch(text -> text.matches(".*\\d.*"))) {
      components.stream()
          .filter(component -> component.text.chars().allMatch(Character::isLetter))
          .forEach(component -> component.roles.remove(Role.SIZE));
    }
    return components;
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

  private static void markBasename(List<Component> components) {
    boolean atStart = true;
    for (Component component : components) {
      boolean plain = component.roles.isEmpty() && Character.isLetter(component.text.charAt(0));
      if (atStart && (plain || component.roles.contains(Role.VERSION))) {
        component.roles.add(Role.BASENAME);
        continue;
      }
      atStart = false;
      if (component.roles.isEmpty()) {
        component.roles.add(Role.FINETUNE);
      }
    }
    for (Component component : components.reversed()) { // a version at the end is no part of it
      if (!component.roles.contains(Role.BASENAME) || component.roles.size() == 1) {
        break;
      }
      component.roles.remove(Role.BASENAME);
    }
  }

  private static List<String> texts(List<Component> components, Role role) {
    return components.stream()
        .filter(component -> component.roles.contains(role))
        .map(Component::text)
        .toList();
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
