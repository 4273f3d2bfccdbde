package io.lorikeet.models.text.template;

import io.lorikeet.models.text.template.Expression.ArgumentList;
import io.lorikeet.models.text.template.Expression.Named;
import io.lorikeet.models.text.template.Token.TokenKind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Reads expressions, with the precedence that Jinja 3.1 gives its operators (`jinja2/parser.py`).
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Set<String> SUMS = Set.of("+", "-");
  private static final Set<String> PRODUCTS = Set.of("*", "/", "//", "%");

  private final TokenStream stream;

  ExpressionParser(TokenStream stream) {
    this.stream = stream;
  }

  /// One expression, `… if … else …` included.
  Expression expression() {
    stream.enter();
    int line = stream.line();
    Expression result = or();
    int levels = 0;
    while (stream.skipName("if")) {
      stream.enter();
      levels++;
      Expression condition = or();
      Expression otherwise = stream.skipName("else") ? expression() : null;
      result = new Expression.Conditional(line, condition, result, otherwise);
    }
    for (; levels >= 0; levels--) {
      stream.leave();
    }
    return result;
  }

  /// One expression, or several with commas between them, which are a tuple.
  ///
  /// @param conditional whether `if` may follow; not in `for … in items if …`
  Expression tuple(boolean conditional) {
    int line = stream.line();
    List<Expression> items = new ArrayList<>();
    items.add(conditional ? expression() : or());
    boolean tuple = false;
    while (stream.skipOperator(",")) {
      tuple = true;
      if (endsTuple()) {
        break;
      }
      items.add(conditional ? expression() : or());
    }
    return tuple ? new Expression.TupleOf(line, items) : items.getFirst();
  }

  private boolean endsTuple() {
    Token token = stream.current();
    return token.kind() == TokenKind.VARIABLE_END
        || token.kind() == TokenKind.BLOCK_END
        || token.isOperator(")")
        || token.isName("recursive");
  }

  private Expression or() {
    int line = stream.line();
    List<Expression> operands = new ArrayList<>(List.of(and()));
    while (stream.skipName("or")) {
      operands.add(and());
    }
    return operands.size() == 1 ? operands.getFirst() : new Expression.Or(line, operands);
  }

  private Expression and() {
    int line = stream.line();
    List<Expression> operands = new ArrayList<>(List.of(not()));
    while (stream.skipName("and")) {
      operands.add(not());
    }
    return operands.size() == 1 ? operands.getFirst() : new Expression.And(line, operands);
  }

  private Expression not() {
    int line = stream.line();
    if (!stream.skipName("not")) {
      return comparison();
    }
    stream.enter();
    Expression value = not();
    stream.leave();
    return new Expression.Not(line, value);
  }

  private Expression comparison() {
    int line = stream.line();
    Expression first = sum();
    List<String> operators = new ArrayList<>();
    List<Expression> operands = new ArrayList<>();
    while (true) {
      Token token = stream.current();
      if (token.kind() == TokenKind.OPERATOR && COMPARISONS.contains(token.text())) {
        operators.add(stream.next().text());
      } else if (stream.skipName("in")) {
        operators.add("in");
      } else if (token.isName("not") && stream.following().isName("in")) {
        stream.next();
        stream.next();
        operators.add("not in");
      } else {
        break;
      }
      operands.add(sum());
    }
    return operators.isEmpty()
        ? first
        : new Expression.Comparison(line, first, operators, operands);
  }

  private Expression sum() {
    int line = stream.line();
    Expression left = concatenation();
    int levels = 0;
    while (isOneOf(SUMS)) {
      stream.enter();
      levels++;
      left = new Expression.Binary(line, stream.next().text(), left, concatenation());
    }
    return leave(levels, left);
  }

  private Expression concatenation() {
    int line = stream.line();
    List<Expression> parts = new ArrayList<>(List.of(product()));
    while (stream.skipOperator("~")) {
      parts.add(product());
    }
    return parts.size() == 1 ? parts.getFirst() : new Expression.Concatenation(line, parts);
  }

  private Expression product() {
    int line = stream.line();
    Expression left = power();
    int levels = 0;
    while (isOneOf(PRODUCTS)) {
      stream.enter();
      levels++;
      left = new Expression.Binary(line, stream.next().text(), left, power());
    }
    return leave(levels, left);
  }

  private Expression power() {
    int line = stream.line();
    Expression left = unary(true);
    int levels = 0;
    while (stream.skipOperator("**")) {
      stream.enter();
      levels++;
      left = new Expression.Binary(line, "**", left, unary(true));
    }
    return leave(levels, left);
  }

  private boolean isOneOf(Set<String> operators) {
    Token token = stream.current();
    return token.kind() == TokenKind.OPERATOR && operators.contains(token.text());
  }

  private <T> T leave(int levels, T result) {
    for (int i = 0; i < levels; i++) {
      stream.leave();
    }
    return result;
  }

  private Expression unary(boolean filters) {
    int line = stream.line();
    Expression value;
    if (isOneOf(SUMS)) {
      stream.enter();
      char sign = stream.next().text().charAt(0);
      value = leave(1, new Expression.Unary(line, sign, unary(false)));
    } else {
      value = primary();
    }
    value = members(value);
    return filters ? filters(value) : value;
  }

  private Expression primary() {
    Token token = stream.current();
    int line = token.line();
    switch (token.kind()) {
      case NAME -> {
        stream.next();
        return switch (token.text()) {
          case "true", "True" -> new Expression.ConstantValue(line, true);
          case "false", "False" -> new Expression.ConstantValue(line, false);
          case "none", "None" -> new Expression.ConstantValue(line, null);
          default -> new Expression.Name(line, token.text());
        };
      }
      case STRING -> {
        StringBuilder text = new StringBuilder();
        while (stream.current().kind() == TokenKind.STRING) {
          text.append(stream.next().text());
        }
        return new Expression.ConstantValue(line, Text.of(text.toString()));
      }
      case INTEGER -> {
        return new Expression.ConstantValue(line, integer(stream.next().text()));
      }
      case FLOAT -> {
        String digits = stream.next().text().replace("_", "");
        return new Expression.ConstantValue(line, Double.valueOf(digits));
      }
      default -> {
        if (stream.skipOperator("(")) {
          Expression inside =
              stream.current().isOperator(")")
                  ? new Expression.TupleOf(line, List.of())
                  : tuple(true);
          stream.expectOperator(")");
          return inside;
        }
        if (stream.skipOperator("[")) {
          return new Expression.ListOf(line, items("]"));
        }
        if (stream.skipOperator("{")) {
          return dict(line);
        }
        throw new SyntaxError(line, "unexpected " + token.description());
      }
    }
  }

  private static Object integer(String text) {
    String digits = text.replace("_", "").toLowerCase(Locale.ROOT);
    int radix =
        digits.startsWith("0x")
            ? 16
            : digits.startsWith("0o") ? 8 : digits.startsWith("0b") ? 2 : 10;
    BigInteger value = new BigInteger(radix == 10 ? digits : digits.substring(2), radix);
    return Numbers.narrow(value);
  }

  private List<Expression> items(String end) {
    List<Expression> items = new ArrayList<>();
    while (!stream.skipOperator(end)) {
      if (!items.isEmpty()) {
        stream.expectOperator(",");
        if (stream.skipOperator(end)) {
          break;
        }
      }
      items.add(expression());
    }
    return items;
  }

  private Expression dict(int line) {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!stream.skipOperator("}")) {
      if (!keys.isEmpty()) {
        stream.expectOperator(",");
        if (stream.skipOperator("}")) {
          break;
        }
      }
      keys.add(expression());
      stream.expectOperator(":");
      values.add(expression());
    }
    return new Expression.DictOf(line, keys, values);
  }

  /// `.name`, `[key]` and `(arguments)` after a value.
  private Expression members(Expression value) {
    Expression result = value;
    int levels = 0;
    while (true) {
      Token token = stream.current();
      if (token.isOperator(".")) {
        result = attribute(result);
      } else if (token.isOperator("[")) {
        result = item(result);
      } else if (token.isOperator("(")) {
        result = new Expression.FunctionCall(token.line(), result, arguments());
      } else {
        return leave(levels, result);
      }
      stream.enter();
      levels++;
    }
  }

  private Expression attribute(Expression object) {
    int line = stream.next().line();
    Token token = stream.next();
    return switch (token.kind()) {
      case NAME -> new Expression.Attribute(line, object, token.text());
      case INTEGER ->
          new Expression.ItemAccess(
              line, object, new Expression.ConstantValue(line, integer(token.text())));
      default ->
          throw new SyntaxError(line, "expected a name after '.', found " + token.description());
    };
  }

  private Expression item(Expression object) {
    int line = stream.next().line();
    Expression start = stream.current().isOperator(":") ? null : expression();
    if (!stream.current().isOperator(":")) {
      if (stream.current().isOperator(",")) {
        List<Expression> keys = new ArrayList<>(List.of(start));
        while (stream.skipOperator(",")) {
          keys.add(expression());
        }
        start = new Expression.TupleOf(line, keys);
      }
      stream.expectOperator("]");
      return new Expression.ItemAccess(line, object, start);
    }
    Expression stop = slicePart();
    Expression step = stream.current().isOperator(":") ? slicePart() : null;
    stream.expectOperator("]");
    return new Expression.SliceAccess(line, object, start, stop, step);
  }

  private Expression slicePart() {
    stream.expectOperator(":");
    boolean missing = stream.current().isOperator(":") || stream.current().isOperator("]");
    return missing ? null : expression();
  }

  /// Filters, tests, and calls of their results.
  private Expression filters(Expression value) {
    Expression result = value;
    int levels = 0;
    while (true) {
      Token token = stream.current();
      if (token.isOperator("|")) {
        result = filter(result);
      } else if (token.isName("is")) {
        result = test(result);
      } else if (token.isOperator("(")) {
        result = new Expression.FunctionCall(token.line(), result, arguments());
      } else {
        return leave(levels, result);
      }
      stream.enter();
      levels++;
    }
  }

  /// One filter and its arguments, from `|` on.
  private Expression filter(Expression value) {
    int line = stream.next().line();
    return namedFilter(line, value);
  }

  /// The filters of a block: `name(arguments) | name …`, without the first `|`.
  Expression blockFilters() {
    Expression result = namedFilter(stream.line(), null);
    while (stream.current().isOperator("|")) {
      result = filter(result);
    }
    return result;
  }

  private Expression namedFilter(int line, Expression value) {
    String name = dottedName("a filter's name");
    ArgumentList arguments = stream.current().isOperator("(") ? arguments() : ArgumentList.NONE;
    return new Expression.FilterCall(line, value, name, arguments);
  }

  private Expression test(Expression value) {
    int line = stream.next().line();
    boolean negated = stream.skipName("not");
    String name = dottedName("a test's name");
    ArgumentList arguments = ArgumentList.NONE;
    Token token = stream.current();
    if (token.isOperator("(")) {
      arguments = arguments();
    } else if (beginsArgument(token)) {
      if (token.isName("is")) {
        throw new SyntaxError(line, "tests can't be chained with 'is'");
      }
      Expression argument = members(primary());
      arguments = new ArgumentList(List.of(argument), List.of(), null, null);
    }
    Expression test = new Expression.Test(line, value, name, arguments);
    return negated ? new Expression.Not(line, test) : test;
  }

  private static boolean beginsArgument(Token token) {
    return switch (token.kind()) {
      case NAME -> !Set.of("else", "or", "and").contains(token.text());
      case STRING, INTEGER, FLOAT -> true;
      default -> token.isOperator("[") || token.isOperator("{");
    };
  }

  private String dottedName(String description) {
    StringBuilder name = new StringBuilder(stream.expect(TokenKind.NAME, description).text());
    while (stream.skipOperator(".")) {
      name.append('.').append(stream.expect(TokenKind.NAME, description).text());
    }
    return name.toString();
  }

  private ArgumentList arguments() {
    int line = stream.line();
    stream.expectOperator("(");
    List<Expression> positional = new ArrayList<>();
    List<Named> named = new ArrayList<>();
    Expression spread = null;
    Expression spreadNamed = null;
    boolean first = true;
    while (!stream.skipOperator(")")) {
      if (!first) {
        stream.expectOperator(",");
        if (stream.skipOperator(")")) {
          break;
        }
      }
      first = false;
      boolean ordered;
      if (stream.skipOperator("*")) {
        ordered = spread == null && spreadNamed == null;
        spread = expression();
      } else if (stream.skipOperator("**")) {
        ordered = spreadNamed == null;
        spreadNamed = expression();
      } else if (stream.current().kind() == TokenKind.NAME && stream.following().isOperator("=")) {
        ordered = spreadNamed == null;
        String name = stream.next().text();
        stream.next();
        named.add(new Named(name, expression()));
      } else {
        ordered = spread == null && spreadNamed == null && named.isEmpty();
        positional.add(expression());
      }
      if (!ordered) {
        throw new SyntaxError(line, "invalid syntax for function call expression");
      }
    }
    return new ArgumentList(positional, named, spread, spreadNamed);
  }
}
