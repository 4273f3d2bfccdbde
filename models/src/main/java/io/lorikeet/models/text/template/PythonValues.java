package io.lorikeet.models.text.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Python's operations on every value: type, truth, text, equality, order, items.
///
/// The values of a template are null for none, [Boolean], the numbers of [Numbers], [Text], [List]
/// and [Map] (a list and a dictionary), [Items], [Namespace], [Function], [Loop] and [Undefined].
final class PythonValues {
  private PythonValues() {}

  /// The name of the type in Python's messages.
  static String typeName(Object value) {
    return switch (value) {
      case null -> "NoneType";
      case Boolean _ -> "bool";
      case Long _ -> "int";
      case BigInteger _ -> "int";
      case Double _ -> "float";
      case Text text -> text.isMarkup() ? "Markup" : "str";
      case List<?> _ -> "list";
      case Map<?, ?> _ -> "dict";
      case Items items -> items.type().typeName();
      case Namespace _ -> "Namespace";
      case Loop _ -> "LoopContext";
      case Undefined _ -> "Undefined";
      case Function _ -> "function";
      default -> throw new IllegalArgumentException("no value of a template: " + value.getClass());
    };
  }

  /// A value as Jinja names it where something of it is missing.
  static String describe(Object value) {
    return switch (value) {
      case null -> "None";
      case Namespace _ -> "jinja2.utils.Namespace object";
      case Loop _ -> "jinja2.runtime.LoopContext object";
      case Text text when text.isMarkup() -> "markupsafe.Markup object";
      default -> typeName(value) + " object";
    };
  }

  static boolean truth(Object value) {
    return switch (value) {
      case null -> false;
      case Boolean flag -> flag;
      case Text text -> !text.isEmpty();
      case List<?> list -> !list.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      case Items items -> items.type() == Items.PythonType.GENERATOR || !items.take().isEmpty();
      case Undefined _ -> false;
      case Object number when Numbers.isNumber(number) -> Numbers.real(number) != 0;
      default -> true;
    };
  }

  /// `a == b`
  ///
  /// @param budget ends what contains itself
  static boolean equal(Object a, Object b, Budget budget) {
    if (a == b) {
      return true;
    }
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      return Numbers.equal(a, b);
    }
    if (a instanceof Text left && b instanceof Text right) {
      budget.spendText(left.length() == right.length() ? left.length() : 0);
      return left.equals(right);
    }
    budget.spend(1);
    budget.enter();
    boolean equal =
        switch (a) {
          case List<?> left when b instanceof List<?> right -> equalItems(left, right, budget);
          case Items _ when isTuple(a) && isTuple(b) ->
              equalItems(((Items) a).take(), ((Items) b).take(), budget);
          case Map<?, ?> left when b instanceof Map<?, ?> right -> {
            boolean all = left.size() == right.size();
            for (Map.Entry<?, ?> entry : left.entrySet()) {
              all =
                  all
                      && right.containsKey(entry.getKey())
                      && equal(entry.getValue(), right.get(entry.getKey()), budget);
            }
            yield all;
          }
          case null -> false;
          default -> a.equals(b);
        };
    budget.leave();
    return equal;
  }

  private static boolean equalItems(List<?> a, List<?> b, Budget budget) {
    boolean equal = a.size() == b.size();
    for (int i = 0; equal && i < a.size(); i++) {
      equal = equal(a.get(i), b.get(i), budget);
    }
    return equal;
  }

  /// A value as a key of a dictionary.
  ///
  /// @throws EvaluationError when it can't be one
  static Object key(Object value, Budget budget) {
    if (value instanceof List || value instanceof Map) {
      throw new EvaluationError("unhashable type: '" + typeName(value) + "'");
    }
    budget.spendText(value instanceof Text text ? text.length() : 0);
    if (isTuple(value)) {
      budget.enter();
      for (Object item : ((Items) value).take()) {
        budget.spend(1);
        key(item, budget);
      }
      budget.leave();
    }
    return value;
  }

  /// The order of two values.
  ///
  /// @param operator for the message where they have none
  static int compare(String operator, Object a, Object b, Budget budget) {
    budget.spend(1);
    if (a instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (b instanceof Undefined undefined) {
      throw undefined.error();
    }
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      return Numbers.compare(a, b);
    }
    if (a instanceof Text left && b instanceof Text right) {
      budget.spendText(Math.min(left.length(), right.length()));
      return left.compareTo(right);
    }
    if (a instanceof List<?> left && b instanceof List<?> right) {
      return compareItems(operator, left, right, budget);
    }
    if (isTuple(a) && isTuple(b)) {
      return compareItems(operator, ((Items) a).take(), ((Items) b).take(), budget);
    }
    throw new EvaluationError(
        "'%s' not supported between instances of '%s' and '%s'"
            .formatted(operator, typeName(a), typeName(b)));
  }

  private static int compareItems(String operator, List<?> a, List<?> b, Budget budget) {
    budget.enter();
    int order = Integer.compare(a.size(), b.size());
    for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
      if (!equal(a.get(i), b.get(i), budget)) {
        order = compare(operator, a.get(i), b.get(i), budget);
        break;
      }
    }
    budget.leave();
    return order;
  }

  static boolean isTuple(Object value) {
    return value instanceof Items items && items.type() == Items.PythonType.TUPLE;
  }

  /// The items that a loop over the value goes through.
  static List<Object> items(Object value) {
    return switch (value) {
      case List<?> list -> new ArrayList<>(list);
      case Map<?, ?> map -> new ArrayList<>(map.keySet());
      case Items items -> items.take();
      case Undefined _ -> List.of();
      case Text text -> characters(text);
      case null, default ->
          throw new EvaluationError("'" + typeName(value) + "' object is not iterable");
    };
  }

  /// The items of a value that must have so many.
  static List<Object> unpack(Object value, int wanted) {
    if (!isIterable(value)) {
      throw new EvaluationError("cannot unpack non-iterable " + typeName(value) + " object");
    }
    List<Object> items = items(value);
    if (items.size() > wanted) {
      throw new EvaluationError("too many values to unpack (expected " + wanted + ")");
    }
    if (items.size() < wanted) {
      throw new EvaluationError(
          "not enough values to unpack (expected %s, got %s)".formatted(wanted, items.size()));
    }
    return items;
  }

  static boolean isIterable(Object value) {
    return switch (value) {
      case List<?> _, Map<?, ?> _, Items _, Undefined _, Text _, Loop _ -> true;
      case null, default -> false;
    };
  }

  private static List<Object> characters(Text text) {
    List<Object> characters = new ArrayList<>();
    String string = text.toString();
    for (int i = 0; i < string.length(); ) {
      int end = i + Character.charCount(string.codePointAt(i));
      characters.add(text.substring(i, end));
      i = end;
    }
    return characters;
  }

  static long length(Object value) {
    return switch (value) {
      case Text text -> text.codePoints();
      case List<?> list -> list.size();
      case Map<?, ?> map -> map.size();
      case Items items when items.type() != Items.PythonType.GENERATOR -> items.take().size();
      case Undefined _ -> 0;
      case Loop loop -> loop.length();
      case null, default ->
          throw new EvaluationError("object of type '" + typeName(value) + "' has no len()");
    };
  }

  /// `item in container`
  static boolean contains(Object container, Object item, Budget budget) {
    return switch (container) {
      case Text text -> {
        if (item instanceof Text part) {
          budget.spendText(text.length());
          yield Search.first(text.toString(), part.toString(), 0) >= 0;
        }
        throw new EvaluationError(
            "'in <string>' requires string as left operand, not " + typeName(item));
      }
      case Map<?, ?> map -> map.containsKey(key(item, budget));
      case List<?> _, Items _, Undefined _ ->
          items(container).stream().anyMatch(other -> equal(other, item, budget));
      case null, default ->
          throw new EvaluationError(
              "argument of type '" + typeName(container) + "' is not iterable");
    };
  }

  /// A value that must be a text.
  static Text requireText(Object value) {
    return switch (value) {
      case Text text -> text;
      case Undefined undefined -> throw undefined.error();
      case null, default -> throw new EvaluationError("must be str, not " + typeName(value));
    };
  }

  /// `str(value)`
  static Text text(Object value, Budget budget) {
    return switch (value) {
      case Text text -> text;
      case Undefined _ -> Text.EMPTY;
      case null, default -> repr(value, budget);
    };
  }

  /// `repr(value)`
  static Text repr(Object value, Budget budget) {
    TextBuilder out = new TextBuilder(budget);
    repr(value, out, budget);
    return out.build();
  }

  private static void repr(Object value, TextBuilder out, Budget budget) {
    budget.enter();
    switch (value) {
      case null -> out.append("None");
      case Text text -> PythonText.quote(text, out);
      case List<?> list -> reprAll("[", list, "]", out, budget);
      case Map<?, ?> map -> {
        out.append("{");
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          out.append(separator);
          repr(entry.getKey(), out, budget);
          out.append(": ");
          repr(entry.getValue(), out, budget);
          separator = ", ";
        }
        out.append("}");
      }
      case Items items -> repr(items, out, budget);
      case Undefined _ -> out.append("Undefined");
      case Object number when Numbers.isNumber(number) -> out.append(Numbers.text(number));
      case Function function -> out.append("<function " + function.name() + ">");
      default -> out.append("<" + describe(value) + ">");
    }
    budget.leave();
  }

  private static void repr(Items items, TextBuilder out, Budget budget) {
    switch (items.type()) {
      case TUPLE -> {
        List<Object> list = items.take();
        reprAll("(", list, list.size() == 1 ? ",)" : ")", out, budget);
      }
      case GENERATOR -> out.append("<generator object>");
      case RANGE -> {
        List<Object> list = items.take();
        long end = list.isEmpty() ? 0 : (Long) list.getLast() + 1;
        out.append("range(" + (list.isEmpty() ? 0 : list.getFirst()) + ", " + end + ")");
      }
      default -> {
        out.append(items.type().typeName());
        reprAll("([", items.take(), "])", out, budget);
      }
    }
  }

  private static void reprAll(
      String begin, List<?> list, String end, TextBuilder out, Budget budget) {
    out.append(begin);
    String separator = "";
    for (Object item : list) {
      out.append(separator);
      repr(item, out, budget);
      separator = ", ";
    }
    out.append(end);
  }
}
