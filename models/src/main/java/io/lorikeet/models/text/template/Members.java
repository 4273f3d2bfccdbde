package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntConsumer;

/// Attributes, items and slices of values. There is nothing here but data and the methods that
/// Python gives texts, lists and dictionaries; in particular no way to a Java object.
final class Members {
  private static final Set<String> DICT =
      Set.of("get", "items", "keys", "values", "pop", "update", "copy", "setdefault", "clear");
  private static final Set<String> LIST =
      Set.of(
          "append", "pop", "insert", "extend", "remove", "index", "count", "copy", "clear",
          "reverse", "sort");

  private static final int CHARACTERS_PER_STEP = 64;

  private final Budget budget;
  private final TextMethods texts;

  Members(Budget budget) {
    this.budget = budget;
    texts = new TextMethods(budget);
  }

  /// `object.name`: a method, or else an item.
  Object attribute(Object object, String name) {
    return switch (object) {
      case Undefined undefined -> throw undefined.error();
      case Text text when TextMethods.NAMES.contains(name) ->
          new Function(name, arguments -> texts.call(text, name, arguments));
      case Map<?, ?> map when DICT.contains(name) ->
          new Function(name, arguments -> call(writable(map), name, arguments));
      case List<?> list when LIST.contains(name) ->
          new Function(name, arguments -> call(writable(list), name, arguments));
      case Map<?, ?> map -> {
        Text key = Text.of(name);
        yield map.containsKey(key) ? map.get(key) : Undefined.attribute(object, name);
      }
      case Items items when items.hasName(name) -> items.named(name);
      case Namespace namespace -> namespace.get(name);
      case Loop loop -> loop.get(name);
      case null, default -> Undefined.attribute(object, name);
    };
  }

  /// `object[key]`: an item, or else a method.
  Object item(Object object, Object key) {
    switch (object) {
      case Undefined undefined -> throw undefined.error();
      case Map<?, ?> map when isKey(key) && map.containsKey(PythonValues.key(key, budget)) -> {
        return map.get(key);
      }
      case List<?> list when Numbers.isInteger(key) -> {
        return element(list, object, key);
      }
      case Items items when items.isSequence() && Numbers.isInteger(key) -> {
        return element(items.take(), object, key);
      }
      case Text text when Numbers.isInteger(key) -> {
        return character(text, key);
      }
      case null, default -> {
        return key instanceof Text name
            ? attribute(object, name.toString())
            : Undefined.element(object, key);
      }
    }
  }

  private static boolean isKey(Object value) {
    return !(value instanceof List || value instanceof Map);
  }

  private static Object element(List<?> list, Object object, Object key) {
    long index = Numbers.index(key);
    long place = index < 0 ? index + list.size() : index;
    return place < 0 || place >= list.size()
        ? Undefined.element(object, key)
        : list.get((int) place);
  }

  /// Takes the work of finding a place in a text.
  private void spendOffset(Text text) {
    budget.spend(text.codePoints() == text.length() ? 1 : text.length() / CHARACTERS_PER_STEP);
  }

  private Object character(Text text, Object key) {
    spendOffset(text);
    long index = Numbers.index(key);
    long place = index < 0 ? index + text.codePoints() : index;
    if (place < 0 || place >= text.codePoints()) {
      return Undefined.element(text, key);
    }
    int from = text.offset((int) place);
    return text.substring(from, text.toString().offsetByCodePoints(from, 1));
  }

  /// `object[start:stop:step]`
  Object slice(Object object, Object start, Object stop, Object step) {
    switch (object) {
      case Undefined undefined -> throw undefined.error();
      case Text text -> {
        return slice(text, start, stop, step);
      }
      case List<?> list -> {
        return slice(list, start, stop, step);
      }
      case Items items when items.isSequence() -> {
        return Items.of(items.type(), slice(items.take(), start, stop, step));
      }
      case Map<?, ?> _ -> throw new EvaluationError("unhashable type: 'slice'");
      case null, default ->
          throw new EvaluationError(
              "'" + PythonValues.typeName(object) + "' object is not subscriptable");
    }
  }

  private List<Object> slice(List<?> list, Object start, Object stop, Object step) {
    List<Object> result = new ArrayList<>();
    SliceRange.of(start, stop, step, list.size()).forEach(place -> result.add(list.get(place)));
    budget.spend(result.size());
    return result;
  }

  private Text slice(Text text, Object start, Object stop, Object step) {
    SliceRange range = SliceRange.of(start, stop, step, text.codePoints());
    if (range.step() == 1) {
      spendOffset(text);
      int from = text.offset(range.from());
      return text.substring(from, Math.max(from, text.offset(range.to())));
    }
    List<Object> characters = PythonValues.items(text);
    budget.spend(characters.size());
    TextBuilder out = new TextBuilder(budget);
    range.forEach(place -> out.append((Text) characters.get(place)));
    return out.build().asMarkup(text.isMarkup());
  }

  /// The places that a slice takes.
  private record SliceRange(int from, int to, long step) {
    static SliceRange of(Object start, Object stop, Object step, int size) {
      long stride = step == null ? 1 : sliceIndex(step);
      if (stride == 0) {
        throw new EvaluationError("slice step cannot be zero");
      }
      int lowest = stride > 0 ? 0 : -1;
      int highest = stride > 0 ? size : size - 1;
      int first = stride > 0 ? lowest : highest;
      int last = stride > 0 ? highest : lowest;
      return new SliceRange(
          start == null ? first : bound(start, size, lowest, highest),
          stop == null ? last : bound(stop, size, lowest, highest),
          stride);
    }

    void forEach(IntConsumer action) {
      for (long place = from; step > 0 ? place < to : place > to; place += step) {
        action.accept((int) place);
      }
    }
  }

  private static int bound(Object index, int size, int lowest, int highest) {
    long place = sliceIndex(index);
    return Math.clamp(place < 0 ? place + size : place, lowest, highest);
  }

  private static long sliceIndex(Object value) {
    if (value instanceof Undefined || !Numbers.isInteger(value)) {
      throw new EvaluationError(
          "slice indices must be integers or None or have an __index__ method");
    }
    long index = Numbers.big(value).bitLength() < Integer.SIZE ? Numbers.index(value) : 0;
    return index != 0 || Numbers.big(value).signum() == 0
        ? index
        : (long) Numbers.big(value).signum() * Integer.MAX_VALUE;
  }

  /// The template's own collections and what it was given are mutable copies of this rendering.
  @SuppressWarnings("unchecked")
  private static Map<Object, Object> writable(Map<?, ?> map) {
    return (Map<Object, Object>) map;
  }

  @SuppressWarnings("unchecked")
  private static List<Object> writable(List<?> list) {
    return (List<Object>) list;
  }

  private Object call(Map<Object, Object> map, String name, Arguments arguments) {
    budget.spend(1L + (name.equals("get") ? 0 : map.size()));
    return switch (name) {
      case "get" -> {
        Object key = PythonValues.key(arguments.require(0, "key"), budget);
        yield map.containsKey(key) ? map.get(key) : arguments.get(1, "default", null);
      }
      case "items" -> {
        List<Object> items = new ArrayList<>();
        map.forEach((key, value) -> items.add(Items.tuple(key, value)));
        yield Items.of(Items.PythonType.DICT_ITEMS, items);
      }
      case "keys" -> Items.of(Items.PythonType.DICT_KEYS, new ArrayList<>(map.keySet()));
      case "values" -> Items.of(Items.PythonType.DICT_VALUES, new ArrayList<>(map.values()));
      case "copy" -> new LinkedHashMap<>(map);
      case "pop" -> {
        Object key = PythonValues.key(arguments.require(0, "key"), budget);
        if (!map.containsKey(key) && arguments.count() < 2) {
          throw new EvaluationError(PythonValues.repr(key, budget).toString());
        }
        yield map.containsKey(key) ? map.remove(key) : arguments.get(1, "default", null);
      }
      case "update" -> {
        if (arguments.has(0, "other")
            && arguments.get(0, "other", null) instanceof Map<?, ?> other) {
          map.putAll(other);
        }
        arguments.named().forEach((key, value) -> map.put(Text.of(key), value));
        yield null;
      }
      case "setdefault" -> {
        Object key = PythonValues.key(arguments.require(0, "key"), budget);
        if (!map.containsKey(key)) {
          map.put(key, arguments.get(1, "default", null));
        }
        yield map.get(key);
      }
      default -> {
        map.clear();
        yield null;
      }
    };
  }

  private Object call(List<Object> list, String name, Arguments arguments) {
    budget.spend(1L + (name.equals("append") ? 0 : list.size()));
    switch (name) {
      case "append" -> list.add(arguments.require(0, "object"));
      case "extend" -> list.addAll(PythonValues.items(arguments.require(0, "iterable")));
      case "insert" -> {
        long place = Numbers.index(arguments.require(0, "index"));
        long from = place < 0 ? place + list.size() : place;
        list.add(Math.clamp(from, 0, list.size()), arguments.require(1, "object"));
      }
      case "pop" -> {
        long index = arguments.integer(0, "index", -1);
        long place = index < 0 ? index + list.size() : index;
        if (place < 0 || place >= list.size()) {
          throw new EvaluationError(
              list.isEmpty() ? "pop from empty list" : "pop index out of range");
        }
        return list.remove((int) place);
      }
      case "remove" -> list.remove((int) place(list, arguments, "list.remove(x): x not in list"));
      case "index" -> {
        return place(list, arguments, "value is not in list");
      }
      case "count" -> {
        Object value = arguments.require(0, "value");
        return list.stream().filter(item -> PythonValues.equal(item, value, budget)).count();
      }
      case "copy" -> {
        return new ArrayList<>(list);
      }
      case "reverse" -> Collections.reverse(list);
      case "sort" -> list.sort((a, b) -> PythonValues.compare("<", a, b, budget));
      default -> list.clear();
    }
    return null;
  }

  private long place(List<Object> list, Arguments arguments, String otherwise) {
    Object value = arguments.require(0, "value");
    for (int i = 0; i < list.size(); i++) {
      if (PythonValues.equal(list.get(i), value, budget)) {
        return i;
      }
    }
    throw new EvaluationError(otherwise);
  }
}
