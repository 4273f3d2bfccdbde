package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/// Jinja's filters on collections.
final class ItemFilters {
  private final Filters filters;
  private final Members members;
  private final Predicates predicates;
  private final Operators operators;
  private final Budget budget;

  ItemFilters(
      Filters filters, Members members, Predicates predicates, Operators operators, Budget budget) {
    this.filters = filters;
    this.members = members;
    this.predicates = predicates;
    this.operators = operators;
    this.budget = budget;
  }

  Object apply(String name, Object value, Arguments arguments) {
    return switch (name) {
      case "list" -> new ArrayList<>(items(value));
      case "first" -> {
        List<Object> items = items(value);
        yield items.isEmpty()
            ? new Undefined("No first item, sequence was empty.")
            : items.getFirst();
      }
      case "last" -> {
        List<Object> items = items(value);
        yield items.isEmpty()
            ? new Undefined("No last item, sequence was empty.")
            : items.getLast();
      }
      case "join" -> join(value, arguments);
      case "reverse" -> reverse(value);
      case "items" -> pairs(value);
      case "dictsort" -> dictSort(value, arguments);
      case "sort" -> sort(value, arguments);
      case "unique" -> unique(value, arguments);
      case "groupby" -> groups(value, arguments);
      case "batch" -> batches(value, arguments);
      case "slice" -> slices(value, arguments);
      case "min", "max" -> extreme(value, arguments, name.equals("min"));
      case "sum" -> sum(value, arguments);
      case "map" -> map(value, arguments);
      case "select" -> select(value, test(arguments, 0), true);
      case "reject" -> select(value, test(arguments, 0), false);
      case "selectattr" -> select(value, attributeTest(arguments), true);
      case "rejectattr" -> select(value, attributeTest(arguments), false);
      case "attr" -> members.attribute(value, arguments.text(0, "name"));
      default -> throw new EvaluationError("No filter named '" + name + "'.");
    };
  }

  private List<Object> items(Object value) {
    List<Object> items = PythonValues.items(value);
    budget.spend(items.size());
    return items;
  }

  /// The items of what is true: `none` has none for these filters, rather than being refused.
  private List<Object> itemsIfAny(Object value) {
    return PythonValues.truth(value) ? items(value) : List.of();
  }

  private static Items generator(List<Object> items) {
    return Items.of(Items.PythonType.GENERATOR, items);
  }

  /// Gets an attribute such as `function.name` or `0` from an item, or the item itself where the
  /// attribute is null.
  private UnaryOperator<Object> getter(Object attribute, Object standard) {
    if (attribute == null) {
      return item -> item;
    }
    List<Object> path = new ArrayList<>();
    if (attribute instanceof Text text) {
      for (String part : text.toString().split("\\.", -1)) {
        path.add(part.matches("\\d{1,9}") ? (Object) Long.valueOf(part) : Text.of(part));
      }
    } else {
      path.add(attribute);
    }
    return item -> {
      Object result = item;
      for (Object key : path) {
        result = members.item(result, key);
        if (result instanceof Undefined && standard != null) {
          result = standard;
        }
      }
      return result;
    };
  }

  private Text join(Object value, Arguments arguments) {
    Text separator = PythonValues.text(arguments.get(0, "d", Text.EMPTY), budget);
    UnaryOperator<Object> getter = getter(arguments.get(1, "attribute", null), null);
    TextBuilder out = new TextBuilder(budget);
    Text before = Text.EMPTY;
    for (Object item : items(value)) {
      out.append(before).append(PythonValues.text(getter.apply(item), budget));
      before = separator;
    }
    return out.build();
  }

  private Object reverse(Object value) {
    List<Object> items = new ArrayList<>(items(value));
    Collections.reverse(items);
    if (value instanceof Text) {
      TextBuilder out = new TextBuilder(budget);
      items.forEach(item -> out.append((Text) item));
      return out.build();
    }
    return generator(items);
  }

  private static List<Object> entries(Map<?, ?> map) {
    List<Object> entries = new ArrayList<>();
    map.forEach((key, value) -> entries.add(Items.tuple(key, value)));
    return entries;
  }

  private static Items pairs(Object value) {
    return switch (value) {
      case Undefined _ -> generator(List.of());
      case Map<?, ?> map -> generator(entries(map));
      case null, default -> throw new EvaluationError("Can only get item pairs from a mapping.");
    };
  }

  private List<Object> dictSort(Object value, Arguments arguments) {
    if (!(value instanceof Map<?, ?> map)) {
      if (value instanceof Undefined undefined) {
        throw undefined.error();
      }
      throw new EvaluationError(
          "'" + PythonValues.typeName(value) + "' object has no attribute 'items'");
    }
    boolean exact = arguments.truth(0, "case_sensitive", false);
    int part =
        switch (arguments.text(1, "by", "key")) {
          case "key" -> 0;
          case "value" -> 1;
          default -> throw new EvaluationError("You can only sort by either \"key\" or \"value\"");
        };
    return sorted(
        entries(map),
        entry -> sortKey(((Items) entry).take().get(part), exact),
        arguments.truth(2, "reverse", false));
  }

  private static Object sortKey(Object value, boolean exact) {
    return value instanceof Text text && !exact
        ? Text.of(text.toString().toLowerCase(Locale.ROOT))
        : value;
  }

  private List<Object> sorted(List<Object> items, UnaryOperator<Object> key, boolean reverse) {
    budget.spend(items.size());
    Comparator<Object> order =
        (a, b) -> PythonValues.compare("<", key.apply(a), key.apply(b), budget);
    List<Object> result = new ArrayList<>(items);
    result.sort(reverse ? order.reversed() : order);
    return result;
  }

  private List<Object> sort(Object value, Arguments arguments) {
    boolean exact = arguments.truth(1, "case_sensitive", false);
    Object attribute = arguments.get(2, "attribute", null);
    List<UnaryOperator<Object>> getters = new ArrayList<>();
    if (attribute instanceof Text text) {
      for (String part : text.toString().split(",", -1)) {
        getters.add(getter(Text.of(part), null));
      }
    } else {
      getters.add(getter(attribute, null));
    }
    UnaryOperator<Object> key =
        item -> {
          List<Object> keys = new ArrayList<>();
          getters.forEach(getter -> keys.add(sortKey(getter.apply(item), exact)));
          return keys;
        };
    return sorted(items(value), key, arguments.truth(0, "reverse", false));
  }

  /// @param arguments `attribute, default=None, case_sensitive=False`
  private List<Object> groups(Object value, Arguments arguments) {
    boolean exact = arguments.truth(2, "case_sensitive", false);
    UnaryOperator<Object> getter =
        getter(arguments.require(0, "attribute"), arguments.get(1, "default", null));
    UnaryOperator<Object> key = item -> sortKey(getter.apply(item), exact);
    List<Object> groups = new ArrayList<>();
    List<Object> group = new ArrayList<>();
    for (Object item : sorted(items(value), key, false)) {
      boolean same =
          !group.isEmpty()
              && PythonValues.equal(key.apply(group.getFirst()), key.apply(item), budget);
      if (!same) {
        group = new ArrayList<>();
        groups.add(Items.group(getter.apply(item), group));
      }
      group.add(item);
    }
    return groups;
  }

  /// @param arguments `linecount, fill_with=None`
  private Items batches(Object value, Arguments arguments) {
    long size = Numbers.index(arguments.require(0, "linecount"));
    Object filling = arguments.get(1, "fill_with", null);
    List<Object> batches = new ArrayList<>();
    List<Object> batch = new ArrayList<>();
    for (Object item : items(value)) {
      if (batch.size() == size) {
        batches.add(batch);
        batch = new ArrayList<>();
      }
      batch.add(item);
    }
    if (!batch.isEmpty()) {
      while (filling != null && batch.size() < size) {
        budget.spend(Budget.ROOM);
        batch.add(filling);
      }
      batches.add(batch);
    }
    return generator(batches);
  }

  /// @param arguments `slices, fill_with=None`
  private Items slices(Object value, Arguments arguments) {
    long count = Numbers.index(arguments.require(0, "slices"));
    Object filling = arguments.get(1, "fill_with", null);
    List<Object> items = items(value);
    if (count == 0) {
      throw new EvaluationError("integer division or modulo by zero");
    }
    List<Object> slices = new ArrayList<>();
    int from = 0;
    for (long i = 0; i < count; i++) {
      budget.spend(Budget.ROOM);
      boolean longer = i < items.size() % count;
      int to = from + (int) (items.size() / count) + (longer ? 1 : 0);
      List<Object> slice = new ArrayList<>(items.subList(from, to));
      if (filling != null && !longer) {
        slice.add(filling);
      }
      slices.add(slice);
      from = to;
    }
    return generator(slices);
  }

  private Items unique(Object value, Arguments arguments) {
    boolean exact = arguments.truth(0, "case_sensitive", false);
    UnaryOperator<Object> getter = getter(arguments.get(1, "attribute", null), null);
    Set<Object> seen = new LinkedHashSet<>();
    List<Object> result = new ArrayList<>();
    for (Object item : items(value)) {
      Object key = sortKey(getter.apply(item), exact);
      if (seen.add(Numbers.isNumber(key) ? Numbers.real(key) : PythonValues.key(key, budget))) {
        result.add(item);
      }
    }
    return generator(result);
  }

  private Object extreme(Object value, Arguments arguments, boolean least) {
    boolean exact = arguments.truth(0, "case_sensitive", false);
    UnaryOperator<Object> getter = getter(arguments.get(1, "attribute", null), null);
    List<Object> items = items(value);
    if (items.isEmpty()) {
      return new Undefined("No aggregated item, sequence was empty.");
    }
    Comparator<Object> order =
        (a, b) ->
            PythonValues.compare(
                least ? "<" : ">",
                sortKey(getter.apply(a), exact),
                sortKey(getter.apply(b), exact),
                budget);
    Object best = items.getFirst();
    for (Object item : items) {
      int compared = order.compare(item, best);
      best = least ? (compared < 0 ? item : best) : (compared > 0 ? item : best);
    }
    return best;
  }

  private Object sum(Object value, Arguments arguments) {
    UnaryOperator<Object> getter = getter(arguments.get(0, "attribute", null), null);
    Object total = arguments.get(1, "start", 0L);
    for (Object item : items(value)) {
      total = operators.binary("+", total, getter.apply(item));
    }
    return total;
  }

  private Items map(Object value, Arguments arguments) {
    UnaryOperator<Object> change;
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      change = getter(arguments.named().get("attribute"), arguments.named().get("default"));
    } else {
      String name = arguments.text(0, "filter");
      change = item -> filters.apply(name, item, arguments.skip(1));
    }
    List<Object> result = new ArrayList<>();
    for (Object item : itemsIfAny(value)) {
      result.add(change.apply(item));
    }
    return generator(result);
  }

  private Items select(Object value, Predicate<Object> test, boolean wanted) {
    List<Object> result = new ArrayList<>();
    for (Object item : itemsIfAny(value)) {
      if (test.test(item) == wanted) {
        result.add(item);
      }
    }
    return generator(result);
  }

  private Predicate<Object> test(Arguments arguments, int place) {
    if (arguments.positional().size() <= place) {
      return PythonValues::truth;
    }
    String name = arguments.text(place, "test");
    Arguments rest = arguments.skip(place + 1);
    return item -> predicates.test(name, item, rest);
  }

  private Predicate<Object> attributeTest(Arguments arguments) {
    if (arguments.positional().isEmpty()) {
      throw new EvaluationError("Missing parameter for attribute name");
    }
    UnaryOperator<Object> getter = getter(arguments.positional().getFirst(), null);
    Predicate<Object> test = test(arguments, 1);
    return item -> test.test(getter.apply(item));
  }
}
