package io.lorikeet.models.text.template;

import io.lorikeet.models.text.template.Expression.ArgumentList;
import io.lorikeet.models.text.template.Expression.Named;
import io.lorikeet.models.text.template.Statement.AssignmentTarget;
import io.lorikeet.models.text.template.Statement.MacroParameter;
import io.lorikeet.models.text.template.Statement.NameTarget;
import io.lorikeet.models.text.template.Statement.NamespaceTarget;
import io.lorikeet.models.text.template.Statement.TupleTarget;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Refuses filters, tests and functions that don't exist, also those that only a rare conversation
/// would reach: better before a training than in the middle of one.
///
/// A function is unknown where its name stands before brackets and nowhere else: it is neither
/// assigned by the template nor asked for with `is defined`, and what a conversation brings can't
/// be called.
final class NameCheck {
  private static final Set<String> QUESTIONS = Set.of("defined", "undefined", "callable");

  private final Set<String> known = new HashSet<>(Globals.NAMES);
  private final Map<String, Integer> called = new LinkedHashMap<>(); // with their lines

  private NameCheck() {
    known.add("caller");
  }

  /// @throws SyntaxError for the first unknown name
  static void check(List<Statement> statements) {
    NameCheck check = new NameCheck();
    check.statements(statements);
    check.called.keySet().removeAll(check.known);
    check.called.forEach(
        (name, line) -> {
          throw new SyntaxError(line, "No function named '" + name + "'.");
        });
  }

  private void statements(List<Statement> statements) {
    statements.forEach(this::statement);
  }

  private void statement(Statement statement) {
    switch (statement) {
      case Statement.Data _, Statement.Break _, Statement.Continue _ -> {}
      case Statement.OutputStatement output -> expression(output.value());
      case Statement.If condition -> {
        for (Statement.ConditionalBranch branch : condition.branches()) {
          expression(branch.condition());
          statements(branch.body());
        }
        statements(condition.otherwise());
      }
      case Statement.For loop -> {
        known.add("loop");
        target(loop.target());
        expression(loop.items());
        expression(loop.condition());
        statements(loop.body());
        statements(loop.otherwise());
      }
      case Statement.Set set -> {
        target(set.target());
        expression(set.value());
      }
      case Statement.SetBlock block -> {
        target(block.target());
        expression(block.filter());
        statements(block.body());
      }
      case Statement.Macro macro -> {
        known.add(macro.name());
        function(macro.parameters(), macro.body());
      }
      case Statement.CallBlock block -> {
        expression(block.call());
        function(block.parameters(), block.body());
      }
      case Statement.FilterBlock block -> {
        expression(block.filter());
        statements(block.body());
      }
      case Statement.With with -> {
        with.targets().forEach(this::target);
        expressions(with.values());
        statements(with.body());
      }
      case Statement.GenerationBlock generation -> statements(generation.body());
    }
  }

  private void function(List<MacroParameter> parameters, List<Statement> body) {
    for (MacroParameter parameter : parameters) {
      known.add(parameter.name());
      expression(parameter.standard());
    }
    statements(body);
  }

  private void target(AssignmentTarget target) {
    switch (target) {
      case NameTarget name -> known.add(name.name());
      case NamespaceTarget _ -> {}
      case TupleTarget tuple -> tuple.targets().forEach(this::target);
    }
  }

  private void expressions(List<Expression> expressions) {
    expressions.forEach(this::expression);
  }

  /// @param expression may be null
  private void expression(Expression expression) {
    switch (expression) {
      case null -> {}
      case Expression.ConstantValue _, Expression.Name _ -> {}
      case Expression.ListOf list -> expressions(list.items());
      case Expression.TupleOf tuple -> expressions(tuple.items());
      case Expression.DictOf dict -> {
        expressions(dict.keys());
        expressions(dict.values());
      }
      case Expression.Attribute attribute -> expression(attribute.object());
      case Expression.ItemAccess item -> {
        expression(item.object());
        expression(item.key());
      }
      case Expression.SliceAccess slice -> {
        expression(slice.object());
        expression(slice.start());
        expression(slice.stop());
        expression(slice.step());
      }
      case Expression.FunctionCall call -> {
        if (call.function() instanceof Expression.Name name) {
          called.putIfAbsent(name.name(), call.line());
        }
        expression(call.function());
        arguments(call.arguments());
      }
      case Expression.FilterCall filter -> filter(filter);
      case Expression.Test test -> test(test);
      case Expression.Not not -> expression(not.value());
      case Expression.Unary unary -> expression(unary.value());
      case Expression.Binary binary -> {
        expression(binary.left());
        expression(binary.right());
      }
      case Expression.Concatenation concatenation -> expressions(concatenation.parts());
      case Expression.And and -> expressions(and.operands());
      case Expression.Or or -> expressions(or.operands());
      case Expression.Comparison comparison -> {
        expression(comparison.first());
        expressions(comparison.operands());
      }
      case Expression.Conditional conditional -> {
        expression(conditional.condition());
        expression(conditional.then());
        expression(conditional.otherwise());
      }
    }
  }

  private void arguments(ArgumentList arguments) {
    expressions(arguments.positional());
    arguments.named().stream().map(Named::value).forEach(this::expression);
    expression(arguments.spread());
    expression(arguments.spreadNamed());
  }

  private void filter(Expression.FilterCall filter) {
    expression(filter.value());
    requireFilter(filter.name(), filter.line());
    List<Expression> given = filter.arguments().positional();
    int place = filter.name().endsWith("attr") ? 1 : 0; // of another filter's or a test's name
    if (given.size() > place
        && given.get(place) instanceof Expression.ConstantValue(int line, Text name)) {
      switch (filter.name()) {
        case "map" -> requireFilter(name.toString(), line);
        case "select", "reject", "selectattr", "rejectattr" -> requireTest(name.toString(), line);
        default -> {}
      }
    }
    arguments(filter.arguments());
  }

  private void test(Expression.Test test) {
    expression(test.value());
    requireTest(test.name(), test.line());
    if (test.value() instanceof Expression.Name name && QUESTIONS.contains(test.name())) {
      known.add(name.name());
    }
    arguments(test.arguments());
  }

  private static void requireFilter(String name, int line) {
    if (name.equals("random")) {
      throw new SyntaxError(
          line, "the filter 'random': the same chat would have another prompt each time");
    }
    if (!Filters.NAMES.contains(name)) {
      throw new SyntaxError(line, "No filter named '" + name + "'.");
    }
  }

  private static void requireTest(String name, int line) {
    if (!Predicates.NAMES.contains(name)) {
      throw new SyntaxError(line, "No test named '" + name + "'.");
    }
  }
}
