package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.List;

/// What can be gone through but isn't a list: a tuple, a range, a view of a dictionary, or what a
/// filter yields one by one and only once.
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

  Kind kind() {
    return kind;
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

  @Override
  public boolean equals(Object other) {
    return other == this
        || kind == Kind.TUPLE
            && other instanceof Items that
            && that.kind == Kind.TUPLE
            && Values.equal(items, that.items);
  }

  @Override
  public int hashCode() {
    return kind == Kind.TUPLE ? items.hashCode() : System.identityHashCode(this);
  }
}
