package io.lorikeet.models.text.template;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// Jinja's tests: `value is name`.
final class Predicates {
  static final Set<String> NAMES =
      Set.of(
          "defined",
          "undefined",
          "none",
          "true",
          "false",
          "boolean",
          "integer",
          "float",
          "number",
          "string",
          "mapping",
          "iterable",
          "sequence",
          "callable",
          "sameas",
          "escaped",
          "odd",
          "even",
          "divisibleby",
          "upper",
          "lower",
          "in",
          "filter",
          "test",
          "eq",
          "equalto",
          "==",
          "ne",
          "!=",
          "lt",
          "lessthan",
          "<",
          "le",
          "<=",
          "gt",
          "greaterthan",
          ">",
          "ge",
          ">=");

  private final Operators operators;
  private final Budget budget;

  Predicates(Operators operators, Budget budget) {
    this.budget = budget;
    this.operators = operators;
  }

  boolean test(String name, Object value, Arguments arguments) {
    return switch (name) {
      case "defined" -> !(value instanceof Undefined);
      case "undefined" -> value instanceof Undefined;
      case "none" -> value == null;
      case "true" -> Boolean.TRUE.equals(value);
      case "false" -> Boolean.FALSE.equals(value);
      case "boolean" -> value instanceof Boolean;
      case "integer" -> Numbers.isInteger(value) && !(value instanceof Boolean);
      case "float" -> value instanceof Double;
      case "number" -> Numbers.isNumber(value);
      case "string" -> value instanceof Text;
      case "mapping" -> value instanceof Map;
      case "iterable" -> PythonValues.isIterable(value);
      case "sequence" -> isSequence(value);
      case "callable" -> value instanceof Function || value instanceof Undefined;
      case "sameas" -> isSame(value, arguments.require(0, "other"));
      case "escaped" -> value instanceof Text text && text.isMarkup();
      case "odd" -> !Numbers.equal(operators.binary("%", value, 2L), 0L);
      case "even" -> Numbers.equal(operators.binary("%", value, 2L), 0L);
      case "divisibleby" ->
          Numbers.equal(operators.binary("%", value, arguments.require(0, "num")), 0L);
      case "upper", "lower" -> isCase(value, name.equals("upper"));
      case "filter" -> value instanceof Text text && Filters.NAMES.contains(text.toString());
      case "test" -> value instanceof Text text && NAMES.contains(text.toString());
      case "in" -> operators.compare("in", value, arguments.require(0, "seq"));
      default -> operators.compare(operator(name), value, arguments.require(0, "other"));
    };
  }

  private static String operator(String name) {
    return switch (name) {
      case "eq", "equalto", "==" -> "==";
      case "ne", "!=" -> "!=";
      case "lt", "lessthan", "<" -> "<";
      case "le", "<=" -> "<=";
      case "gt", "greaterthan", ">" -> ">";
      case "ge", ">=" -> ">=";
      default -> throw new EvaluationError("No test named '" + name + "'.");
    };
  }

  private static boolean isSequence(Object value) {
    return switch (value) {
      case Text _, List<?> _, Map<?, ?> _, Undefined _ -> true;
      case Items items -> items.isSequence();
      case null, default -> false;
    };
  }

  private static boolean isSame(Object a, Object b) {
    boolean small = a instanceof Boolean || a instanceof Long;
    return a == b || small && a.equals(b);
  }

  private boolean isCase(Object value, boolean upper) {
    String text = PythonValues.text(value, budget).toString();
    String changed = upper ? text.toUpperCase(Locale.ROOT) : text.toLowerCase(Locale.ROOT);
    String other = upper ? text.toLowerCase(Locale.ROOT) : text.toUpperCase(Locale.ROOT);
    return text.equals(changed) && !text.equals(other);
  }
}
