package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.List;

/// A Python iterable that isn't a list: a tuple, a range, a view of a dictionary, or a filter's
/// generator, which yields its items only once.
final class Items {
  enum Kind {
    TUPLE("tuple"),
    RANGE("range"),
    DICT_ITEMS("dict_items"),
    DICT_KEYS("dict_keys"),
    DICT_VALUES("dict_values"),
    GENERATOR("generator");

    private final String typeName;

    Kind(String typeName) {
      this.typeName = typeName;
    }

    String typeName() {
      return typeName;
    }
  }

  private final Kind kind;
  private List<Object> items;
  private List<String> names = List.of();

  private Items(Kind kind, List<Object> items) {
    this.kind = kind;
    this.items = items;
  }

  static Items of(Kind kind, List<Object> items) {
    return new Items(kind, items);
  }

  static Items tuple(Object... items) {
    List<Object> list = new ArrayList<>();
    for (Object item : items) {
      list.add(item);
    }
    return new Items(Kind.TUPLE, list);
  }

  /// A pair whose parts have names too: what `groupby` makes.
  static Items group(Object grouper, List<Object> list) {
    Items group = tuple(grouper, list);
    group.names = List.of("grouper", "list");
    return group;
  }

  Kind kind() {
    return kind;
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
    return kind == Kind.TUPLE || kind == Kind.RANGE;
  }

  /// The items; of a generator they are gone afterwards.
  List<Object> take() {
    List<Object> taken = items;
    if (kind == Kind.GENERATOR) {
      items = List.of();
    }
    return taken;
  }

  /// As a key of a dictionary, see [Values#key].
  @Override
  public boolean equals(Object other) {
    return other == this
        || kind == Kind.TUPLE
            && other instanceof Items that
            && that.kind == Kind.TUPLE
            && Values.equal(items, that.items, new Budget());
  }

  @Override
  public int hashCode() {
    return kind == Kind.TUPLE ? items.hashCode() : System.identityHashCode(this);
  }
}
