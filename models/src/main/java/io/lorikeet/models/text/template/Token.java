package io.lorikeet.models.text.template;

/// A piece of a template.
///
/// @param kind its kind
/// @param text its text; of a string the value, without quotes and escapes
/// @param line line of the template, from 1
record Token(TokenKind kind, String text, int line) {
  enum TokenKind {
    /// Text outside all tags.
    DATA,
    BLOCK_BEGIN,
    BLOCK_END,
    VARIABLE_BEGIN,
    VARIABLE_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean isOperator(String operator) {
    return kind == TokenKind.OPERATOR && text.equals(operator);
  }

  boolean isName(String name) {
    return kind == TokenKind.NAME && text.equals(name);
  }

  /// As people see it.
  String description() {
    return switch (kind) {
      case BLOCK_BEGIN, BLOCK_END, VARIABLE_BEGIN, VARIABLE_END, NAME, OPERATOR, INTEGER, FLOAT ->
          "'" + text + "'";
      case STRING -> "a string";
      case DATA -> "text";
      case END -> "the end of the template";
    };
  }
}
