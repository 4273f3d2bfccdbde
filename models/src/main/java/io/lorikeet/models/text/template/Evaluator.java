package io.lorikeet.models.text.template;

import io.lorikeet.models.text.template.Expression.ArgumentList;
import io.lorikeet.models.text.template.Expression.Named;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Gives expressions their values.
final class Evaluator {
  private final Budget budget;
  private final Operators operators;
  private final Members members;
  private final Predicates predicates;
  private final Filters filters;
  private int line = 1;

  Evaluator(Budget budget) {
    this.budget = budget;
    operators = new Operators(budget);
    members = new Members(budget);
    predicates = new Predicates(operators, budget);
    filters = new Filters(budget, operators, members, predicates);
  }

  /// Line of the template that was evaluated last: where an error is.
  int line() {
    return line;
  }

  /// Takes note of a statement's line.
  void at(int statement) {
    line = statement;
  }

  Object value(Expression expression, Scope scope) {
    budget.spend(1);
    budget.enter();
    line = expression.line();
    Object value =
        switch (expression) {
          case Expression.ConstantValue constant -> constant.value();
          case Expression.Name name -> scope.get(name.name());
          case Expression.Attribute attribute -> {
            Object object = value(attribute.object(), scope);
            line = attribute.line();
            yield members.attribute(object, attribute.name());
          }
          case Expression.ItemAccess item -> {
            Object object = value(item.object(), scope);
            yield members.item(object, value(item.key(), scope));
          }
          case Expression.SliceAccess slice ->
              members.slice(
                  value(slice.object(), scope),
                  optional(slice.start(), scope),
                  optional(slice.stop(), scope),
                  optional(slice.step(), scope));
          case Expression.FunctionCall call -> call(call, Map.of(), scope);
          case Expression.FilterCall filter -> filter(filter, value(filter.value(), scope), scope);
          case Expression.Test test -> {
            Object tested = value(test.value(), scope);
            yield predicates.test(test.name(), tested, arguments(test.arguments(), scope));
          }
          default -> operation(expression, scope);
        };
    budget.leave();
    return value;
  }

  private Object operation(Expression expression, Scope scope) {
    return switch (expression) {
      case Expression.Not not -> !PythonValues.truth(value(not.value(), scope));
      case Expression.Unary unary -> operators.unary(unary.sign(), value(unary.value(), scope));
      case Expression.Binary binary -> {
        Object left = value(binary.left(), scope);
        Object right = value(binary.right(), scope);
        line = binary.line();
        yield operators.binary(binary.operator(), left, right);
      }
      case Expression.Concatenation concatenation -> {
        TextBuilder out = new TextBuilder(budget);
        for (Expression part : concatenation.parts()) {
          out.append(PythonValues.text(value(part, scope), budget));
        }
        yield out.build();
      }
      case Expression.And and -> firstWith(false, and.operands(), scope);
      case Expression.Or or -> firstWith(true, or.operands(), scope);
      case Expression.Comparison comparison -> comparison(comparison, scope);
      case Expression.Conditional conditional -> conditional(conditional, scope);
      case Expression.ListOf list -> values(list.items(), scope);
      case Expression.TupleOf tuple ->
          Items.of(Items.PythonType.TUPLE, values(tuple.items(), scope));
      case Expression.DictOf dict -> {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < dict.keys().size(); i++) {
          Object key = PythonValues.key(value(dict.keys().get(i), scope), budget);
          map.put(key, value(dict.values().get(i), scope));
        }
        yield map;
      }
      default -> throw new IllegalArgumentException("no operation: " + expression);
    };
  }

  private Object optional(Expression expression, Scope scope) {
    return expression == null ? null : value(expression, scope);
  }

  private List<Object> values(List<Expression> expressions, Scope scope) {
    List<Object> values = new ArrayList<>(expressions.size());
    for (Expression expression : expressions) {
      values.add(value(expression, scope));
    }
    return values;
  }

  /// The first value whose truth is the wanted one, or else the last.
  private Object firstWith(boolean truth, List<Expression> operands, Scope scope) {
    Object value = null;
    for (Expression operand : operands) {
      value = value(operand, scope);
      if (PythonValues.truth(value) == truth) {
        return value;
      }
    }
    return value;
  }

  private boolean comparison(Expression.Comparison comparison, Scope scope) {
    Object left = value(comparison.first(), scope);
    for (int i = 0; i < comparison.operators().size(); i++) {
      Object right = value(comparison.operands().get(i), scope);
      line = comparison.line();
      if (!operators.compare(comparison.operators().get(i), left, right)) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private Object conditional(Expression.Conditional conditional, Scope scope) {
    if (PythonValues.truth(value(conditional.condition(), scope))) {
      return value(conditional.then(), scope);
    }
    if (conditional.otherwise() == null) {
      return new Undefined(
          "the inline if-expression on line "
              + conditional.line()
              + " evaluated to false and no else section was defined.");
    }
    return value(conditional.otherwise(), scope);
  }

  /// Applies filters one after the other, the innermost to a value.
  Object filter(Expression expression, Object value, Scope scope) {
    Expression.FilterCall filter = (Expression.FilterCall) expression;
    Object input =
        filter.value() instanceof Expression.FilterCall inner && isBlockFilter(inner)
            ? filter(inner, value, scope)
            : value;
    Arguments arguments = arguments(filter.arguments(), scope);
    line = filter.line();
    return filters.apply(filter.name(), input, arguments);
  }

  /// Whether the filter at the bottom has no value of its own.
  private static boolean isBlockFilter(Expression.FilterCall filter) {
    Expression.FilterCall bottom = filter;
    while (bottom.value() instanceof Expression.FilterCall inner) {
      bottom = inner;
    }
    return bottom.value() == null;
  }

  /// Calls a function.
  ///
  /// @param more named values besides those of the call
  Object call(Expression.FunctionCall call, Map<String, Object> more, Scope scope) {
    Object function = value(call.function(), scope);
    Arguments arguments = arguments(call.arguments(), scope);
    for (Map.Entry<String, Object> entry : more.entrySet()) {
      arguments = arguments.with(entry.getKey(), entry.getValue());
    }
    line = call.line();
    return switch (function) {
      case Function body -> body.call(arguments);
      case Loop loop -> loop.recursion().call(arguments);
      case Undefined undefined -> throw undefined.error();
      case null, default ->
          throw new EvaluationError(
              "'" + PythonValues.typeName(function) + "' object is not callable");
    };
  }

  private Arguments arguments(ArgumentList list, Scope scope) {
    if (list == ArgumentList.NONE) {
      return Arguments.NONE;
    }
    List<Object> positional = values(list.positional(), scope);
    Map<String, Object> named = new LinkedHashMap<>();
    for (Named argument : list.named()) {
      named.put(argument.name(), value(argument.value(), scope));
    }
    if (list.spread() != null) {
      positional.addAll(PythonValues.items(value(list.spread(), scope)));
    }
    if (list.spreadNamed() != null) {
      if (!(value(list.spreadNamed(), scope) instanceof Map<?, ?> map)) {
        throw new EvaluationError("argument after ** must be a mapping");
      }
      map.forEach((key, value) -> named.put(PythonValues.requireText(key).toString(), value));
    }
    return new Arguments(positional, named);
  }
}
