package io.lorikeet.models.text.template;

import java.util.List;
import java.util.Optional;

/// The variable `loop` of a `for`.
final class Loop {
  private final List<Object> items;
  private final int depth;
  private final Optional<Function> recursion;
  private final Budget budget;
  private int index; // from 0
  private Object changed;

  /// @param depth loops around it through recursion
  /// @param recursion the function behind `loop(items)`
  Loop(List<Object> items, int depth, Optional<Function> recursion, Budget budget) {
    this.items = items;
    this.budget = budget;
    this.depth = depth;
    this.recursion = recursion;
    changed = this; // equal to no value of a template
  }

  void at(int index) {
    this.index = index;
  }

  long length() {
    return items.size();
  }

  Function recursion() {
    return recursion.orElseThrow(
        () ->
            new EvaluationError(
                "The loop must have the 'recursive' marker to be called recursively."));
  }

  Object get(String name) {
    return switch (name) {
      case "index" -> index + 1L;
      case "index0" -> (long) index;
      case "revindex" -> (long) items.size() - index;
      case "revindex0" -> items.size() - index - 1L;
      case "first" -> index == 0;
      case "last" -> index == items.size() - 1;
      case "length" -> length();
      case "depth" -> depth + 1L;
      case "depth0" -> (long) depth;
      case "previtem" ->
          index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
      case "nextitem" ->
          index + 1 < items.size() ? items.get(index + 1) : new Undefined("there is no next item");
      case "cycle" -> new Function("cycle", this::cycle);
      case "changed" -> new Function("changed", this::changed);
      default -> Undefined.attribute(this, name);
    };
  }

  private Object cycle(Arguments arguments) {
    List<Object> values = arguments.positional();
    if (values.isEmpty()) {
      throw new EvaluationError("no items for cycling given");
    }
    return values.get(index % values.size());
  }

  private Object changed(Arguments arguments) {
    Object value = Items.of(Items.PythonType.TUPLE, arguments.positional());
    boolean different = !PythonValues.equal(value, changed, budget);
    changed = value;
    return different;
  }
}
