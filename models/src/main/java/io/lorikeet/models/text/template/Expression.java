package io.lorikeet.models.text.template;

import java.util.List;

/// An expression of a template.
sealed interface Expression {
  /// Line of the template, from 1.
  int line();

  /// A text, number, boolean or none, written out.
  record ConstantValue(int line, Object value) implements Expression {}

  record Name(int line, String name) implements Expression {}

  record ListOf(int line, List<Expression> items) implements Expression {}

  record TupleOf(int line, List<Expression> items) implements Expression {}

  record DictOf(int line, List<Expression> keys, List<Expression> values) implements Expression {}

  /// `object.name`
  record Attribute(int line, Expression object, String name) implements Expression {}

  /// `object[key]`
  record ItemAccess(int line, Expression object, Expression key) implements Expression {}

  /// `object[start:stop:step]`; each of the three may be null.
  record SliceAccess(
      int line, Expression object, Expression start, Expression stop, Expression step)
      implements Expression {}

  record FunctionCall(int line, Expression function, ArgumentList arguments)
      implements Expression {}

  /// @param value the filtered value; null at the beginning of a `filter` or `set` block's filters
  record FilterCall(int line, Expression value, String name, ArgumentList arguments)
      implements Expression {}

  /// `value is name(arguments)`
  record Test(int line, Expression value, String name, ArgumentList arguments)
      implements Expression {}

  record Not(int line, Expression value) implements Expression {}

  /// @param sign `+` or `-`
  record Unary(int line, char sign, Expression value) implements Expression {}

  /// `+ - * / // % **`
  record Binary(int line, String operator, Expression left, Expression right)
      implements Expression {}

  /// Values joined by `~`.
  record Concatenation(int line, List<Expression> parts) implements Expression {}

  record And(int line, List<Expression> operands) implements Expression {}

  record Or(int line, List<Expression> operands) implements Expression {}

  /// `first operator operand operator operand …`, each operator between its neighbours.
  record Comparison(int line, Expression first, List<String> operators, List<Expression> operands)
      implements Expression {}

  /// `then if condition else otherwise`
  ///
  /// @param otherwise null where there is no `else`
  record Conditional(int line, Expression condition, Expression then, Expression otherwise)
      implements Expression {}

  /// The arguments in a call.
  ///
  /// @param named values under their names, in their order
  /// @param spread `*list`, or null
  /// @param spreadNamed `**dict`, or null
  record ArgumentList(
      List<Expression> positional, List<Named> named, Expression spread, Expression spreadNamed) {
    static final ArgumentList NONE = new ArgumentList(List.of(), List.of(), null, null);
  }

  /// `name=value`
  record Named(String name, Expression value) {}
}
