package io.lorikeet.models.text.template;

import java.util.function.Supplier;

/// The value of what isn't there. It prints as nothing, is false and has no items; anything else
/// done with it is an error.
///
/// @param description says what isn't there, in Jinja's words
record Undefined(Supplier<String> description) {
  Undefined(String description) {
    this(() -> description);
  }

  static Undefined variable(String name) {
    return new Undefined(() -> "'" + name + "' is undefined");
  }

  static Undefined attribute(Object object, String name) {
    return new Undefined(
        () ->
            "'%s' has no attribute %s"
                .formatted(
                    PythonValues.describe(object), PythonValues.repr(Text.of(name), new Budget())));
  }

  static Undefined element(Object object, Object key) {
    if (key instanceof Text text) {
      return attribute(object, text.toString());
    }
    return new Undefined(
        () ->
            PythonValues.describe(object)
                + " has no element "
                + PythonValues.repr(key, new Budget()));
  }

  /// The error that it is used all the same.
  EvaluationError error() {
    return new EvaluationError(description.get());
  }

  /// All undefined values are equal, as Jinja has it.
  @Override
  public boolean equals(Object other) {
    return other instanceof Undefined;
  }

  @Override
  public int hashCode() {
    return 0;
  }
}
