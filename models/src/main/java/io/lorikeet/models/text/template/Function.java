package io.lorikeet.models.text.template;

/// A function that a template can call: a macro, a method of a value, or one of the few globals.
///
/// @param name for messages
/// @param body its implementation
record Function(String name, Body body) {
  @FunctionalInterface
  interface Body {
    Object call(Arguments arguments);
  }

  Object call(Arguments arguments) {
    return body.call(arguments);
  }
}
