package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The evaluated arguments of a call.
///
/// @param positional values in their order
/// @param named values under their names
record Arguments(List<Object> positional, Map<String, Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  static Arguments of(Object... values) {
    List<Object> list = new ArrayList<>();
    for (Object value : values) {
      list.add(value);
    }
    return new Arguments(list, Map.of());
  }

  /// The value at a place or under a name, or else the default.
  Object get(int place, String name, Object standard) {
    if (place < positional.size()) {
      return positional.get(place);
    }
    return named.containsKey(name) ? named.get(name) : standard;
  }

  /// The value that must be there.
  Object require(int place, String name) {
    if (place >= positional.size() && !named.containsKey(name)) {
      throw new EvaluationError("missing a required argument: '" + name + "'");
    }
    return get(place, name, null);
  }

  /// A text that must be there.
  String text(int place, String name) {
    return PythonValues.requireText(require(place, name)).toString();
  }

  /// A text, or else the default.
  String text(int place, String name, String standard) {
    return has(place, name) ? text(place, name) : standard;
  }

  /// A whole number.
  long integer(int place, String name, long standard) {
    return Numbers.index(get(place, name, standard));
  }

  boolean truth(int place, String name, boolean standard) {
    return PythonValues.truth(get(place, name, standard));
  }

  boolean has(int place, String name) {
    return place < positional.size() || named.containsKey(name);
  }

  int count() {
    return positional.size() + named.size();
  }

  /// Without the first positional values.
  Arguments skip(int count) {
    return new Arguments(
        positional.subList(Math.min(count, positional.size()), positional.size()), named);
  }

  /// With one more name.
  Arguments with(String name, Object value) {
    Map<String, Object> more = new LinkedHashMap<>(named);
    more.put(name, value);
    return new Arguments(positional, more);
  }
}
