package io.lorikeet.models.text.template;

import io.lorikeet.models.text.template.Token.TokenKind;
import java.util.List;

/// The tokens of a template, read from first to last by the parsers.
final class TokenStream {
  private final List<Token> tokens;
  private int place;
  private int depth;

  TokenStream(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(place);
  }

  /// The token after the current one.
  Token following() {
    return tokens.get(Math.min(place + 1, tokens.size() - 1));
  }

  /// Line of the current token.
  int line() {
    return current().line();
  }

  /// Gives the current token and goes on.
  Token next() {
    Token token = current();
    if (token.kind() != TokenKind.END) {
      place++;
    }
    return token;
  }

  boolean skipName(String name) {
    boolean found = current().isName(name);
    place += found ? 1 : 0;
    return found;
  }

  boolean skipOperator(String operator) {
    boolean found = current().isOperator(operator);
    place += found ? 1 : 0;
    return found;
  }

  Token expect(TokenKind kind, String description) {
    if (current().kind() != kind) {
      throw unexpected(description);
    }
    return next();
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw unexpected("'" + name + "'");
    }
  }

  /// The error that something else was expected here.
  SyntaxError unexpected(String expected) {
    return new SyntaxError(line(), "expected " + expected + ", found " + current().description());
  }

  /// Goes a level deeper; every [#leave] follows one.
  void enter() {
    if (++depth > Budget.DEPTH) {
      throw new SyntaxError(line(), "nested deeper than " + Budget.DEPTH + " levels");
    }
  }

  void leave() {
    depth--;
  }
}
