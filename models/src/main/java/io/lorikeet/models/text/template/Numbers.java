package io.lorikeet.models.text.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;

/// Python's numbers: whole ones of any size ([Long], or [BigInteger] where that is too small),
/// floats ([Double]) and booleans, which count as 0 and 1.
final class Numbers {
  /// Digits that Python reads or writes of a number (`sys.int_info.default_max_str_digits`).
  static final int DIGITS = 4300;

  private static final int LARGEST = 14_285; // bits of a result: no more than so many digits

  private Numbers() {}

  static boolean isNumber(Object value) {
    return isInteger(value) || value instanceof Double;
  }

  /// Whether it is whole; booleans are.
  static boolean isInteger(Object value) {
    return value instanceof Long || value instanceof BigInteger || value instanceof Boolean;
  }

  static BigInteger big(Object integer) {
    return switch (integer) {
      case BigInteger big -> big;
      case Long number -> BigInteger.valueOf(number);
      case Boolean flag -> flag ? BigInteger.ONE : BigInteger.ZERO;
      default -> throw new IllegalArgumentException("no whole number: " + integer);
    };
  }

  static Object narrow(BigInteger value) {
    return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
  }

  static double real(Object number) {
    return number instanceof Double real ? real : big(number).doubleValue();
  }

  /// A number to count or index with.
  static long index(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (!isInteger(value)) {
      throw new EvaluationError(
          "'" + PythonValues.typeName(value) + "' object cannot be interpreted as an integer");
    }
    BigInteger big = big(value);
    if (big.bitLength() >= Long.SIZE) {
      throw new EvaluationError("Python int too large to convert to C ssize_t");
    }
    return big.longValue();
  }

  static int compare(Object a, Object b) {
    if (isInteger(a) && isInteger(b)) {
      return big(a).compareTo(big(b));
    }
    double left = real(a);
    double right = real(b);
    return Double.isFinite(left) && Double.isFinite(right)
        ? decimal(a).compareTo(decimal(b))
        : Double.compare(left, right);
  }

  static boolean equal(Object a, Object b) {
    if (isInteger(a) && isInteger(b)) {
      return big(a).equals(big(b));
    }
    return real(a) == real(b) && compare(a, b) == 0;
  }

  /// Exactly, as Python compares whole numbers with floats.
  private static BigDecimal decimal(Object number) {
    return number instanceof Double real ? new BigDecimal(real) : new BigDecimal(big(number));
  }

  /// @param operator `+ - * / // % **`
  static Object calculate(String operator, Object a, Object b) {
    boolean whole = isInteger(a) && isInteger(b);
    if (operator.equals("/") || !whole) {
      return calculateReal(operator, real(a), real(b));
    }
    BigInteger left = big(a);
    BigInteger right = big(b);
    return switch (operator) {
      case "+" -> narrow(left.add(right));
      case "-" -> narrow(left.subtract(right));
      case "*" -> narrow(checked(left.bitLength() + right.bitLength(), left).multiply(right));
      case "//" -> narrow(floor(left, right, "integer division or modulo by zero")[0]);
      case "%" -> narrow(floor(left, right, "integer modulo by zero")[1]);
      default -> power(left, right);
    };
  }

  private static Object calculateReal(String operator, double a, double b) {
    if (b == 0 && "//%".contains(operator)) {
      throw new EvaluationError(
          switch (operator) {
            case "//" -> "float floor division by zero";
            case "%" -> "float modulo";
            default -> "division by zero";
          });
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "%" -> {
        double rest = a % b;
        yield rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
      }
      default -> Math.pow(a, b);
    };
  }

  private static BigInteger checked(long bits, BigInteger value) {
    if (bits > LARGEST) {
      throw new EvaluationError("a number has more than " + LARGEST + " bits");
    }
    return value;
  }

  private static BigInteger[] floor(BigInteger a, BigInteger b, String byZero) {
    if (b.signum() == 0) {
      throw new EvaluationError(byZero);
    }
    BigInteger[] result = a.divideAndRemainder(b);
    if (result[1].signum() != 0 && result[1].signum() != b.signum()) {
      result[0] = result[0].subtract(BigInteger.ONE);
      result[1] = result[1].add(b);
    }
    return result;
  }

  private static Object power(BigInteger base, BigInteger exponent) {
    if (exponent.signum() < 0) {
      return Math.pow(base.doubleValue(), exponent.doubleValue());
    }
    if (base.bitLength() > 1) {
      long bits = exponent.bitLength() > 32 ? Long.MAX_VALUE : exponent.longValue();
      checked(bits > LARGEST ? bits : bits * base.bitLength(), base);
    } else {
      boolean odd = exponent.testBit(0);
      return narrow(odd || exponent.signum() == 0 ? base.pow(odd ? 1 : 0) : base.multiply(base));
    }
    return narrow(base.pow(exponent.intValueExact()));
  }

  static Object negate(Object value) {
    return value instanceof Double real ? (Object) (-real) : narrow(big(value).negate());
  }

  /// `round(value, digits)`: halves go to the even neighbour.
  static double round(double value, int digits, RoundingMode mode) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return value;
    }
    return new BigDecimal(value).setScale(digits, mode).doubleValue();
  }

  /// As Python prints it.
  static String text(Object number) {
    return switch (number) {
      case Double real -> PythonText.number(real);
      case Boolean flag -> flag ? "True" : "False";
      default -> number.toString();
    };
  }
}
