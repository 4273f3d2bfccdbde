package io.lorikeet.models.text.template;

import java.util.HashMap;
import java.util.Map;

/// The variables of a block, within those of the blocks around it.
final class Scope {
  private final Scope outer; // null around a template
  private final Map<String, Object> variables = new HashMap<>();

  Scope(Scope outer) {
    this.outer = outer;
  }

  void set(String name, Object value) {
    variables.put(name, value);
  }

  /// The innermost variable of a name.
  Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      Object value = scope.variables.get(name);
      if (value != null || scope.variables.containsKey(name)) {
        return value;
      }
    }
    return Undefined.variable(name);
  }
}
