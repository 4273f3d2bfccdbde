package io.lorikeet.models.text.template;

import java.util.List;

/// A statement of a template.
sealed interface Statement {
  /// Line of the template, from 1.
  int line();

  /// Text as it stands.
  record Data(int line, Text text) implements Statement {}

  /// `{{ value }}`
  record OutputStatement(int line, Expression value) implements Statement {}

  /// @param otherwise statements of `else`; may be empty
  record If(int line, List<ConditionalBranch> branches, List<Statement> otherwise)
      implements Statement {}

  /// `if` or `elif`, and what follows.
  record ConditionalBranch(Expression condition, List<Statement> body) {}

  /// @param condition of `for … in … if condition`, or null
  /// @param recursive whether `loop(items)` may call it again
  /// @param otherwise the statements for the case of no items
  record For(
      int line,
      AssignmentTarget target,
      Expression items,
      Expression condition,
      boolean recursive,
      List<Statement> body,
      List<Statement> otherwise)
      implements Statement {}

  record Break(int line) implements Statement {}

  record Continue(int line) implements Statement {}

  record Set(int line, AssignmentTarget target, Expression value) implements Statement {}

  /// `{% set target | filter %} … {% endset %}`
  ///
  /// @param filter filters on the body's output, or null
  record SetBlock(int line, AssignmentTarget target, Expression filter, List<Statement> body)
      implements Statement {}

  record Macro(int line, String name, List<MacroParameter> parameters, List<Statement> body)
      implements Statement {}

  /// @param standard the default, or null
  record MacroParameter(String name, Expression standard) {}

  /// `{% call(parameters) function(…) %} … {% endcall %}`
  record CallBlock(
      int line, List<MacroParameter> parameters, Expression.FunctionCall call, List<Statement> body)
      implements Statement {}

  record FilterBlock(int line, Expression filter, List<Statement> body) implements Statement {}

  record With(
      int line, List<AssignmentTarget> targets, List<Expression> values, List<Statement> body)
      implements Statement {}

  /// `{% generation %} … {% endgeneration %}`: the assistant's output.
  record GenerationBlock(int line, List<Statement> body) implements Statement {}

  /// A variable or attribute that a value is stored in.
  sealed interface AssignmentTarget {}

  record NameTarget(String name) implements AssignmentTarget {}

  /// `namespace.attribute`
  record NamespaceTarget(String namespace, String attribute) implements AssignmentTarget {}

  record TupleTarget(List<AssignmentTarget> targets) implements AssignmentTarget {}
}
