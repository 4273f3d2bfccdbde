package io.lorikeet.models.text.template;

/// The value of what isn't there. It prints as nothing, is false and has no items; anything else
/// done with it is an error.
///
/// @param description what isn't there, in Jinja's words
record Undefined(String description) {
  static Undefined variable(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  static Undefined attribute(Object object, String name) {
    String owner = Values.describe(object);
    Text quotedName = Values.repr(Text.of(name), new Budget());
    return new Undefined("'" + owner + "' has no attribute " + quotedName);
  }

  static Undefined element(Object object, Object key) {
    if (key instanceof Text text) {
      return attribute(object, text.toString());
    }
    return new Undefined(
        Values.describe(object) + " has no element " + Values.repr(key, new Budget()));
  }

  /// The error that it is used all the same.
  EvaluationError error() {
    return new EvaluationError(description);
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
