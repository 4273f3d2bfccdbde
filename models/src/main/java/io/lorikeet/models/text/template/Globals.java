package io.lorikeet.models.text.template;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The functions that every chat template has: Jinja's `range`, `dict` and `namespace`, and
/// Transformers' `raise_exception` and `strftime_now`.
final class Globals {
  static final Set<String> NAMES =
      Set.of("range", "namespace", "dict", "raise_exception", "strftime_now");

  private static final int DIRECTIVE = 40; // steps for a character of a date's format

  private Globals() {}

  /// A scope with them.
  ///
  /// @param now the time of `strftime_now`
  static Scope scope(LocalDateTime now, Budget budget) {
    Scope scope = new Scope(null);
    define(scope, "range", arguments -> range(arguments, budget));
    define(scope, "namespace", arguments -> namespace(arguments, budget));
    define(scope, "dict", arguments -> dict(arguments, budget));
    define(
        scope,
        "raise_exception",
        arguments -> {
          Object message = arguments.get(0, "message", Text.EMPTY);
          throw new EvaluationError(
              PythonValues.text(message, budget).toString(), EvaluationError.Cause.RAISED);
        });
    define(
        scope,
        "strftime_now",
        arguments -> {
          String format = arguments.text(0, "format");
          budget.spend(DIRECTIVE * (long) format.length());
          return Text.of(DateText.of(now, format));
        });
    return scope;
  }

  private static void define(Scope scope, String name, Function.Body body) {
    scope.set(name, new Function(name, body));
  }

  private static Items range(Arguments arguments, Budget budget) {
    List<Object> given = arguments.positional();
    if (given.isEmpty() || given.size() > 3) {
      throw new EvaluationError("range expected 1 to 3 arguments, got " + given.size());
    }
    long start = given.size() == 1 ? 0 : Numbers.index(given.get(0));
    long stop = Numbers.index(given.get(given.size() == 1 ? 0 : 1));
    long step = given.size() == 3 ? Numbers.index(given.get(2)) : 1;
    if (step == 0) {
      throw new EvaluationError("range() arg 3 must not be zero");
    }
    List<Object> items = new ArrayList<>();
    for (long i = start; step > 0 ? i < stop : i > stop; i = Math.addExact(i, step)) {
      if (items.size() == Budget.RANGE) {
        throw new EvaluationError(
            "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
      }
      items.add(i);
    }
    budget.spend(items.size());
    return Items.of(Items.PythonType.RANGE, items);
  }

  private static Namespace namespace(Arguments arguments, Budget budget) {
    Namespace namespace = new Namespace();
    dict(arguments, budget)
        .forEach((name, value) -> namespace.set(PythonValues.requireText(name).toString(), value));
    return namespace;
  }

  private static Map<Object, Object> dict(Arguments arguments, Budget budget) {
    Map<Object, Object> map = new LinkedHashMap<>();
    if (!arguments.positional().isEmpty()) {
      Object first = arguments.positional().getFirst();
      if (first instanceof Map<?, ?> given) {
        map.putAll(given);
      } else {
        for (Object pair : PythonValues.items(first)) {
          List<Object> both = PythonValues.items(pair);
          if (both.size() != 2) {
            throw new EvaluationError(
                "dictionary update sequence element has length " + both.size() + "; 2 is required");
          }
          map.put(PythonValues.key(both.get(0), budget), both.get(1));
        }
      }
    }
    arguments.named().forEach((name, value) -> map.put(Text.of(name), value));
    return map;
  }
}
