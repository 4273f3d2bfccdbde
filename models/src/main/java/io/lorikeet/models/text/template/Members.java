package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Attributes, items and slices of values. There is nothing here but data and the methods that
/// Python gives texts, lists and dictionaries; in particular no way to a Java object.
final class Members {
  private static final Set<String> DICT =
      Set.of("get", "items", "keys", "values", "pop", "update", "copy", "setdefault", "clear");
  private static final Set<String> LIST =
      Set.of(
          "append", "pop", "insert", "extend", "remove", "index", "count", "copy", "clear",
          "reverse", "sort");

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
      case Namespace namespace -> namespace.get(name);
      case Loop loop -> loop.get(name);
      case null, default -> Undefined.attribute(object, name);
    };
  }

  /// `object[key]`: an item, or else a method.
  Object item(Object object, Object key) {
    switch (object) {
      case Undefined undefined -> throw undefined.error();
      case Map<?, ?> map when map.containsKey(key) -> {
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

  private static Object element(List<?> list, Object object, Object key) {
    long index = Numbers.index(key);
    long place = index < 0 ? index + list.size() : index;
    return place < 0 || place >= list.size()
        ? Undefined.element(object, key)
        : list.get((int) place);
  }

  private static Object character(Text text, Object key) {
    String string = text.toString();
    long index = Numbers.index(key);
    long length = string.codePointCount(0, string.length());
    long place = index < 0 ? index + length : index;
    if (place < 0 || place >= length) {
      return Undefined.element(text, key);
    }
    int from = string.offsetByCodePoints(0, (int) place);
    return text.substring(from, string.offsetByCodePoints(from, 1));
  }

  /// `object[start:stop:step]`
  Object slice(Object object, Object start, Object stop, Object step) {
    switch (object) {
      case Undefined undefined -> throw undefined.error();
      case Text text -> {
        TextBuilder out = new TextBuilder(budget);
        slice(Values.items(text), start, stop, step).forEach(part -> out.append((Text) part));
        return out.build().asMarkup(text.isMarkup());
      }
      case List<?> list -> {
        return slice(list, start, stop, step);
      }
      case Items items when items.isSequence() -> {
        return Items.of(items.kind(), slice(items.take(), start, stop, step));
      }
      case Map<?, ?> _ -> throw new EvaluationError("unhashable type: 'slice'");
      case null, default ->
          throw new EvaluationError(
              "'" + Values.typeName(object) + "' object is not subscriptable");
    }
  }

  private List<Object> slice(List<?> list, Object start, Object stop, Object step) {
    long stride = step == null ? 1 : sliceIndex(step);
    if (stride == 0) {
      throw new EvaluationError("slice step cannot be zero");
    }
    int size = list.size();
    long lowest = stride > 0 ? 0 : -1;
    long highest = stride > 0 ? size : size - 1L;
    long from =
        start == null ? (stride > 0 ? lowest : highest) : bound(start, size, lowest, highest);
    long to = stop == null ? (stride > 0 ? highest : lowest) : bound(stop, size, lowest, highest);
    List<Object> result = new ArrayList<>();
    for (long i = from; stride > 0 ? i < to : i > to; i += stride) {
      result.add(list.get((int) i));
    }
    budget.spend(result.size());
    return result;
  }

  private static long bound(Object index, int size, long lowest, long highest) {
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
        Object key = arguments.require(0, "key");
        yield map.containsKey(key) ? map.get(key) : arguments.get(1, "default", null);
      }
      case "items" -> {
        List<Object> items = new ArrayList<>();
        map.forEach((key, value) -> items.add(Items.tuple(key, value)));
        yield Items.of(Items.Kind.DICT_ITEMS, items);
      }
      case "keys" -> Items.of(Items.Kind.DICT_KEYS, new ArrayList<>(map.keySet()));
      case "values" -> Items.of(Items.Kind.DICT_VALUES, new ArrayList<>(map.values()));
      case "copy" -> new LinkedHashMap<>(map);
      case "pop" -> {
        Object key = arguments.require(0, "key");
        if (!map.containsKey(key) && arguments.count() < 2) {
          throw new EvaluationError(Values.repr(key, budget).toString());
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
        Object key = arguments.require(0, "key");
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
      case "extend" -> list.addAll(Values.items(arguments.require(0, "iterable")));
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
        return list.stream().filter(item -> Values.equal(item, value)).count();
      }
      case "copy" -> {
        return new ArrayList<>(list);
      }
      case "reverse" -> Collections.reverse(list);
      case "sort" -> list.sort((a, b) -> Values.compare("<", a, b));
      default -> list.clear();
    }
    return null;
  }

  private static long place(List<Object> list, Arguments arguments, String otherwise) {
    Object value = arguments.require(0, "value");
    for (int i = 0; i < list.size(); i++) {
      if (Values.equal(list.get(i), value)) {
        return i;
      }
    }
    throw new EvaluationError(otherwise);
  }
}
