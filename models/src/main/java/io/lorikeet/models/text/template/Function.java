package io.lorikeet.models.text.template;

/// What a template can call: a macro, a method of a value, or one of the few functions it is given.
///
/// @param name for messages
/// @param body what it does
record Function(String name, Body body) {
  @FunctionalInterface
  interface Body {
    Object call(Arguments arguments);
  }

  Object call(Arguments arguments) {
    return body.call(arguments);
  }
}
