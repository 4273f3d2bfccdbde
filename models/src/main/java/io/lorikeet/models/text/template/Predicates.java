package io.lorikeet.models.text.template;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Jinja's tests: `value is name`.
final class Predicates {
  private final Operators operators;

  Predicates(Operators operators) {
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
      case "iterable" -> Values.isIterable(value);
      case "sequence" -> isSequence(value);
      case "callable" -> value instanceof Function || value instanceof Undefined;
      case "sameas" -> isSame(value, arguments.require(0, "other"));
      case "escaped" -> value instanceof Text text && text.isMarkup();
      case "odd" -> !Numbers.equal(operators.binary("%", value, 2L), 0L);
      case "even" -> Numbers.equal(operators.binary("%", value, 2L), 0L);
      case "divisibleby" ->
          Numbers.equal(operators.binary("%", value, arguments.require(0, "num")), 0L);
      case "upper", "lower" -> isCase(value, name.equals("upper"));
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

  private static boolean isCase(Object value, boolean upper) {
    String text = Values.text(value, new Budget()).toString();
    String changed = upper ? text.toUpperCase(Locale.ROOT) : text.toLowerCase(Locale.ROOT);
    String other = upper ? text.toLowerCase(Locale.ROOT) : text.toUpperCase(Locale.ROOT);
    return text.equals(changed) && !text.equals(other);
  }
}
