package io.lorikeet.models.text.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/// Python's operators.
final class Operators {
  private static final int LARGE = 100; // steps, for numbers of more than 64 bits

  private final Budget budget;
  private final Formatting formatting;

  Operators(Budget budget) {
    this.budget = budget;
    formatting = new Formatting(budget);
  }

  /// @param operator `+ - * / // % **`
  Object binary(String operator, Object a, Object b) {
    if (a instanceof Undefined undefined && !(b instanceof Text && operator.equals("%"))) {
      throw undefined.error();
    }
    if (b instanceof Undefined undefined && !(a instanceof Text && operator.equals("%"))) {
      throw undefined.error();
    }
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      budget.spend(a instanceof BigInteger || b instanceof BigInteger ? LARGE : 1);
      return Numbers.calculate(operator, a, b);
    }
    if (operator.equals("%") && a instanceof Text format) {
      return formatting.percent(format, b);
    }
    return switch (operator) {
      case "+" -> sum(a, b);
      case "*" -> product(a, b);
      default -> throw unsupported(operator, a, b);
    };
  }

  private static EvaluationError unsupported(String operator, Object a, Object b) {
    return new EvaluationError(
        "unsupported operand type(s) for %s: '%s' and '%s'"
            .formatted(
                operator.equals("**") ? "** or pow()" : operator,
                PythonValues.typeName(a),
                PythonValues.typeName(b)));
  }

  private Object sum(Object a, Object b) {
    if (a instanceof Text left) {
      if (b instanceof Text right) {
        return sum(left, right);
      }
      throw new EvaluationError(
          "can only concatenate str (not \"" + PythonValues.typeName(b) + "\") to str");
    }
    if (a instanceof List<?> left) {
      if (b instanceof List<?> right) {
        return joined(left, right);
      }
      throw new EvaluationError(
          "can only concatenate list (not \"" + PythonValues.typeName(b) + "\") to list");
    }
    if (PythonValues.isTuple(a) && PythonValues.isTuple(b)) {
      return Items.of(Items.PythonType.TUPLE, joined(((Items) a).take(), ((Items) b).take()));
    }
    throw unsupported("+", a, b);
  }

  private List<Object> joined(List<?> left, List<?> right) {
    budget.spend((long) left.size() + right.size());
    List<Object> result = new ArrayList<>(left);
    result.addAll(right);
    return result;
  }

  private Text sum(Text left, Text right) {
    if (left.isMarkup() || right.isMarkup()) {
      return concatenate(escaped(left), escaped(right)).asMarkup(true);
    }
    return concatenate(left, right);
  }

  private Text concatenate(Text left, Text right) {
    return new TextBuilder(budget).append(left).append(right).build();
  }

  /// A text with what means something in HTML escaped; markup stays as it is.
  Text escaped(Text text) {
    if (text.isMarkup()) {
      return text;
    }
    TextBuilder out = new TextBuilder(budget);
    for (int i = 0; i < text.length(); i++) {
      char c = text.toString().charAt(i);
      int origin = text.originAt(i);
      switch (c) {
        case '&' -> out.append("&amp;", origin);
        case '<' -> out.append("&lt;", origin);
        case '>' -> out.append("&gt;", origin);
        case '\'' -> out.append("&#39;", origin);
        case '"' -> out.append("&#34;", origin);
        default -> out.append(c, origin);
      }
    }
    return out.build().asMarkup(true);
  }

  private Object product(Object a, Object b) {
    if (Numbers.isInteger(a) && !Numbers.isNumber(b)) {
      return product(b, a);
    }
    if (a instanceof Text text && Numbers.isInteger(b)) {
      return new TextBuilder(budget).repeat(text, times(b, text.length())).build();
    }
    if (a instanceof List<?> list && Numbers.isInteger(b)) {
      long times = times(b, list.size());
      budget.spend(times * list.size());
      List<Object> result = new ArrayList<>();
      for (long i = 0; i < times; i++) {
        result.addAll(list);
      }
      return result;
    }
    boolean sequence = a instanceof Text || a instanceof List;
    if (sequence) {
      throw new EvaluationError(
          "can't multiply sequence by non-int of type '" + PythonValues.typeName(b) + "'");
    }
    throw unsupported("*", a, b);
  }

  /// How often to repeat something of a size: an empty thing not at all.
  private static long times(Object count, int size) {
    long times = size == 0 ? 0 : Math.max(0, Numbers.index(count));
    if (times > Integer.MAX_VALUE) {
      throw new EvaluationError("can't repeat something " + times + " times");
    }
    return times;
  }

  /// @param operator `== != < <= > >= in`, or `not in`
  boolean compare(String operator, Object a, Object b) {
    budget.spend(1);
    return switch (operator) {
      case "==" -> PythonValues.equal(a, b, budget);
      case "!=" -> !PythonValues.equal(a, b, budget);
      case "in" -> PythonValues.contains(b, a, budget);
      case "not in" -> !PythonValues.contains(b, a, budget);
      case "<" -> PythonValues.compare(operator, a, b, budget) < 0;
      case "<=" -> PythonValues.compare(operator, a, b, budget) <= 0;
      case ">" -> PythonValues.compare(operator, a, b, budget) > 0;
      default -> PythonValues.compare(operator, a, b, budget) >= 0;
    };
  }

  Object unary(char sign, Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (!Numbers.isNumber(value)) {
      throw new EvaluationError(
          "bad operand type for unary " + sign + ": '" + PythonValues.typeName(value) + "'");
    }
    return sign == '-' ? Numbers.negate(value) : Numbers.calculate("+", value, 0L);
  }
}
