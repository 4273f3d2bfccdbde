package io.lorikeet.models.text.template;

import io.lorikeet.models.text.template.Statement.AssignmentTarget;
import io.lorikeet.models.text.template.Statement.MacroParameter;
import io.lorikeet.models.text.template.Statement.NameTarget;
import io.lorikeet.models.text.template.Statement.NamespaceTarget;
import io.lorikeet.models.text.template.Statement.TupleTarget;
import io.lorikeet.models.text.template.Token.TokenKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Reads a template: what Jinja 3.1 has but for inheritance and inclusion, which would need other
/// files; with `break`, `continue` and `generation`.
final class TemplateParser {
  private static final Set<String> OTHER_FILES =
      Set.of("extends", "block", "include", "import", "from");

  private final TokenStream stream;
  private final ExpressionParser expressions;
  private int loops;

  private TemplateParser(TokenStream stream) {
    this.stream = stream;
    expressions = new ExpressionParser(stream);
  }

  /// The statements of a template.
  ///
  /// @throws SyntaxError when it isn't Jinja
  static List<Statement> parse(String template) {
    TemplateParser parser = new TemplateParser(new TokenStream(Lexer.tokens(template)));
    List<Statement> statements = parser.body();
    if (parser.stream.current().kind() != TokenKind.END) {
      String tag = parser.stream.current().description();
      throw new SyntaxError(parser.stream.line(), tag + " without the tag that it belongs to");
    }
    return statements;
  }

  /// Statements up to the end or to one of the tags, whose name is then the current token.
  private List<Statement> body(String... ends) {
    stream.enter();
    List<Statement> statements = new ArrayList<>();
    while (stream.current().kind() != TokenKind.END) {
      Token token = stream.next();
      switch (token.kind()) {
        case DATA -> statements.add(new Statement.Data(token.line(), Text.of(token.text())));
        case VARIABLE_BEGIN -> {
          Expression value = expressions.tuple(true);
          stream.expect(TokenKind.VARIABLE_END, "'}}'");
          statements.add(new Statement.OutputStatement(token.line(), value));
        }
        default -> {
          Token name = stream.current();
          if (name.kind() == TokenKind.NAME
              && (List.of(ends).contains(name.text()) || isContinuation(name.text()))) {
            stream.leave();
            return statements;
          }
          statements.add(statement());
        }
      }
    }
    stream.leave();
    return statements;
  }

  private static boolean isContinuation(String tag) {
    return tag.startsWith("end") || tag.equals("else") || tag.equals("elif");
  }

  /// The body of a tag, up to and including its end tag.
  private List<Statement> bodyUntil(String end) {
    stream.skipOperator(":");
    blockEnd();
    int line = stream.line();
    List<Statement> body = body(end);
    expectTag(end, line);
    blockEnd();
    return body;
  }

  private void expectTag(String tag, int line) {
    if (!stream.skipName(tag)) {
      throw new SyntaxError(
          stream.line(),
          "expected '"
              + tag
              + "' for the tag of line "
              + line
              + ", found "
              + stream.current().description());
    }
  }

  private void blockEnd() {
    stream.expect(TokenKind.BLOCK_END, "'%}'");
  }

  private Statement statement() {
    Token tag = stream.expect(TokenKind.NAME, "a tag's name");
    int line = tag.line();
    return switch (tag.text()) {
      case "if" -> branches(line);
      case "for" -> loop(line);
      case "set" -> set(line);
      case "macro" -> macro(line);
      case "call" -> call(line);
      case "filter" -> {
        Expression filter = expressions.blockFilters();
        yield new Statement.FilterBlock(line, filter, bodyUntil("endfilter"));
      }
      case "with" -> with(line);
      case "generation" -> new Statement.GenerationBlock(line, bodyUntil("endgeneration"));
      case "print" -> {
        Expression value = expressions.tuple(true);
        blockEnd();
        yield new Statement.OutputStatement(line, value);
      }
      case "break", "continue" -> {
        if (loops == 0) {
          throw new SyntaxError(line, "'" + tag.text() + "' outside of a loop");
        }
        blockEnd();
        yield tag.text().equals("break") ? new Statement.Break(line) : new Statement.Continue(line);
      }
      default -> throw unknownTag(tag);
    };
  }

  private static SyntaxError unknownTag(Token tag) {
    if (OTHER_FILES.contains(tag.text())) {
      return new SyntaxError(
          tag.line(), "'" + tag.text() + "': a chat template can't use other templates");
    }
    return new SyntaxError(tag.line(), "unknown tag '" + tag.text() + "'");
  }

  private Statement branches(int line) {
    List<Statement.ConditionalBranch> branches = new ArrayList<>();
    List<Statement> otherwise = List.of();
    while (true) {
      Expression condition = expressions.tuple(false);
      stream.skipOperator(":");
      blockEnd();
      branches.add(new Statement.ConditionalBranch(condition, body("elif", "else", "endif")));
      if (stream.skipName("elif")) {
        continue;
      }
      if (stream.skipName("else")) {
        stream.skipOperator(":");
        blockEnd();
        otherwise = body("endif");
      }
      expectTag("endif", line);
      blockEnd();
      return new Statement.If(line, branches, otherwise);
    }
  }

  private Statement loop(int line) {
    AssignmentTarget target = target();
    stream.expectName("in");
    Expression items = expressions.tuple(false);
    Expression condition = stream.skipName("if") ? expressions.expression() : null;
    boolean recursive = stream.skipName("recursive");
    stream.skipOperator(":");
    blockEnd();
    loops++;
    List<Statement> body = body("else", "endfor");
    loops--;
    List<Statement> otherwise = List.of();
    if (stream.skipName("else")) {
      stream.skipOperator(":");
      blockEnd();
      otherwise = body("endfor");
    }
    expectTag("endfor", line);
    blockEnd();
    return new Statement.For(line, target, items, condition, recursive, body, otherwise);
  }

  private Statement set(int line) {
    AssignmentTarget target = target();
    if (stream.skipOperator("=")) {
      Expression value = expressions.tuple(true);
      blockEnd();
      return new Statement.Set(line, target, value);
    }
    Expression filter = stream.skipOperator("|") ? expressions.blockFilters() : null;
    return new Statement.SetBlock(line, target, filter, bodyUntil("endset"));
  }

  private Statement macro(int line) {
    String name = stream.expect(TokenKind.NAME, "the macro's name").text();
    List<MacroParameter> parameters = parameters();
    return new Statement.Macro(line, name, parameters, function("endmacro"));
  }

  /// A body that isn't a part of the loop around it.
  private List<Statement> function(String end) {
    int outside = loops;
    loops = 0;
    List<Statement> body = bodyUntil(end);
    loops = outside;
    return body;
  }

  private Statement call(int line) {
    List<MacroParameter> parameters = stream.current().isOperator("(") ? parameters() : List.of();
    if (expressions.expression() instanceof Expression.FunctionCall call) {
      return new Statement.CallBlock(line, parameters, call, function("endcall"));
    }
    throw new SyntaxError(line, "expected a call");
  }

  private Statement with(int line) {
    List<AssignmentTarget> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (stream.current().kind() != TokenKind.BLOCK_END) {
      if (!targets.isEmpty()) {
        stream.expectOperator(",");
      }
      targets.add(target());
      stream.expectOperator("=");
      values.add(expressions.expression());
    }
    return new Statement.With(line, targets, values, bodyUntil("endwith"));
  }

  private List<MacroParameter> parameters() {
    List<MacroParameter> parameters = new ArrayList<>();
    stream.expectOperator("(");
    while (!stream.skipOperator(")")) {
      if (!parameters.isEmpty()) {
        stream.expectOperator(",");
      }
      int line = stream.line();
      String name = stream.expect(TokenKind.NAME, "a parameter's name").text();
      Expression standard = stream.skipOperator("=") ? expressions.expression() : null;
      if (standard == null && !parameters.isEmpty() && parameters.getLast().standard() != null) {
        throw new SyntaxError(line, "a parameter without a default follows one with a default");
      }
      parameters.add(new MacroParameter(name, standard));
    }
    return parameters;
  }

  private AssignmentTarget target() {
    List<AssignmentTarget> targets = new ArrayList<>();
    targets.add(singleTarget());
    boolean tuple = false;
    while (stream.skipOperator(",")) {
      tuple = true;
      if (stream.current().kind() != TokenKind.NAME && !stream.current().isOperator("(")
          || stream.current().isName("in")) {
        break;
      }
      targets.add(singleTarget());
    }
    if (!tuple) {
      return targets.getFirst();
    }
    return new TupleTarget(targets);
  }

  private AssignmentTarget singleTarget() {
    if (stream.skipOperator("(")) {
      stream.enter();
      AssignmentTarget inside = target();
      stream.leave();
      stream.expectOperator(")");
      return inside;
    }
    String name = stream.expect(TokenKind.NAME, "a name to assign to").text();
    if (Set.of("true", "false", "none", "True", "False", "None").contains(name)) {
      throw new SyntaxError(stream.line(), "can't assign to " + name);
    }
    if (stream.skipOperator(".")) {
      return new NamespaceTarget(name, stream.expect(TokenKind.NAME, "an attribute's name").text());
    }
    return new NameTarget(name);
  }
}
