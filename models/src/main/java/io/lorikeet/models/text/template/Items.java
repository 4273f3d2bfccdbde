package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.List;

/// A Python iterable that isn't a list: a tuple, a range, a view of a dictionary, or a filter's
/// generator, which yields its items only once.
final class Items {
  enum PythonType {
    TUPLE("tuple"),
    RANGE("range"),
    DICT_ITEMS("dict_items"),
    DICT_KEYS("dict_keys"),
    DICT_VALUES("dict_values"),
    GENERATOR("generator");

    private final String typeName;

    PythonType(String typeName) {
      this.typeName = typeName;
    }

    String typeName() {
      return typeName;
    }
  }

  private final PythonType type;
  private List<Object> items;
  private List<String> names = List.of();

  private Items(PythonType type, List<Object> items) {
    this.type = type;
    this.items = items;
  }

  static Items of(PythonType type, List<Object> items) {
    return new Items(type, items);
  }

  static Items tuple(Object... items) {
    List<Object> list = new ArrayList<>();
    for (Object item : items) {
      list.add(item);
    }
    return new Items(PythonType.TUPLE, list);
  }

  /// A pair whose parts have names too: what `groupby` makes.
  static Items group(Object grouper, List<Object> list) {
    Items group = tuple(grouper, list);
    group.names = List.of("grouper", "list");
    return group;
  }

  PythonType type() {
    return type;
  }

  /// Whether a part is called so.
  boolean hasName(String name) {
    return names.contains(name);
  }

  /// The part of a name.
  Object named(String name) {
    return items.get(names.indexOf(name));
  }

  /// Whether it has a length and places.
  boolean isSequence() {
    return type == PythonType.TUPLE || type == PythonType.RANGE;
  }

  /// The items; of a generator they are gone afterwards.
  List<Object> take() {
    List<Object> taken = items;
    if (type == PythonType.GENERATOR) {
      items = List.of();
    }
    return taken;
  }

  /// As a key of a dictionary, see [PythonValues#key].
  @Override
  public boolean equals(Object other) {
    return other == this
        || type == PythonType.TUPLE
            && other instanceof Items that
            && that.type == PythonType.TUPLE
            && PythonValues.equal(items, that.items, new Budget());
  }

  @Override
  public int hashCode() {
    return type == PythonType.TUPLE ? items.hashCode() : System.identityHashCode(this);
  }
}
