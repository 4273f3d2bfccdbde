package io.lorikeet.models.text.template;

import io.lorikeet.quant.InvalidInputException;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;

/// A chat template: the Jinja text that makes one prompt of a conversation. It renders as Python's
/// jinja2 does with the settings of Hugging Face's Transformers
/// (`transformers/utils/chat_template_utils.py`). It reaches no Java object, no file and no
/// network, and it ends, or is stopped.
///
/// Safe for use by several threads at once.
public final class ChatTemplate {
  private static final int LARGEST = 1 << 20; // characters
  private static final String BYTE_ORDER_MARK = "\ufeff";
  private static final String TOO_DEEP = "the template is nested too deeply";

  private final String name;
  private final String source;
  private final List<Statement> statements;

  private ChatTemplate(String name, String source, List<Statement> statements) {
    this.name = name;
    this.source = source;
    this.statements = statements;
  }

  /// Reads a template.
  ///
  /// @param name its name in messages, such as `the chat template of base.gguf`
  /// @param source its text; a byte order mark before it isn't part of it
  /// @throws TemplateException when it isn't Jinja
  /// @throws InvalidInputException when it is too long to be a chat template
  public static ChatTemplate of(String name, String source) {
    if (source.length() > LARGEST) {
      throw new InvalidInputException(
          name + " has " + source.length() + " characters; a chat template has at most " + LARGEST);
    }
    String text = source.startsWith(BYTE_ORDER_MARK) ? source.substring(1) : source;
    try {
      List<Statement> statements = TemplateParser.parse(text);
      NameCheck.check(statements);
      return new ChatTemplate(name, text, statements);
    } catch (SyntaxError e) {
      throw new TemplateException(name, e.line(), e.getMessage(), EvaluationError.Cause.MISTAKE);
    } catch (StackOverflowError e) {
      throw new TemplateException(name, 1, TOO_DEEP, EvaluationError.Cause.EXHAUSTED);
    }
  }

  /// Its name in messages.
  public String name() {
    return name;
  }

  /// Its text.
  public String source() {
    return source;
  }

  /// Renders variables as they are, as Python's `template.render(**variables)` does.
  ///
  /// @param variables maps, lists, strings, numbers, booleans and null. The characters of the
  ///     messages in the list `messages` get the messages' numbers as their origins, but for their
  ///     roles; those of the others [Rendering#VARIABLE], but for tokens' texts.
  /// @param now the time of `strftime_now`
  /// @throws TemplateException when the template refuses them, or makes a mistake
  public Rendering render(Map<String, ?> variables, LocalDateTime now) {
    Budget budget = new Budget();
    Interpreter interpreter = new Interpreter(budget);
    try {
      Scope scope = new Scope(Globals.scope(now, budget));
      variables.forEach((key, value) -> scope.set(key, TemplateInputs.variable(key, value)));
      return interpreter.render(statements, new Scope(scope));
    } catch (EvaluationError e) {
      throw new TemplateException(name, interpreter.line(), e.getMessage(), e.cause());
    } catch (ArithmeticException e) {
      throw new TemplateException(
          name, interpreter.line(), "a number is too large", EvaluationError.Cause.MISTAKE);
    } catch (StackOverflowError e) { // on a thread with a small stack; else the budget ends it
      throw new TemplateException(
          name, interpreter.line(), TOO_DEEP, EvaluationError.Cause.EXHAUSTED);
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
