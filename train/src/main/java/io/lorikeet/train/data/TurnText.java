package io.lorikeet.train.data;

import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.text.template.Rendering;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.models.text.template.TemplateException;
import io.lorikeet.quant.InvalidInputException;
import java.util.Optional;

/// One turn of an assistant: the prompt as a server renders it when the turn is due, and what the
/// model is to write then, up to the end of its turn.
///
/// @param whole the prompt and what follows it
/// @param start where the prompt ends in it
/// @param ends whether it ends with a token at which generation stops
/// @param served whether the prompt is exactly the server's; where the template doesn't repeat the
///     end of its prompt before the turn, it can't be
record TurnText(Rendering whole, int start, boolean ends, boolean served) {
  /// The turn of a message.
  ///
  /// @param index the message, which is an assistant's
  /// @throws TemplateException when the template refuses the conversation up to it
  /// @throws InvalidInputException when it doesn't write the assistant's text
  static TurnText of(Conversation conversation, int index, ChatEncoding encoding) {
    TurnText turn = find(conversation, index, encoding);
    boolean says = !conversation.messages().get(index).text().isBlank();
    if (says && !turn.writes(index)) {
      throw new InvalidInputException(
          "the chat template writes nothing of message " + (index + 1) + ", the assistant's");
    }
    return turn;
  }

  /// Whether it holds anything of its message: a template that knows no tools leaves out calls.
  boolean writes(int index) {
    return first(whole, index, start) < whole.text().length();
  }

  private static TurnText find(Conversation conversation, int index, ChatEncoding encoding) {
    ServedTemplate template = encoding.template();
    Conversation known = conversation.first(index + 1);
    Rendering full = template.render(known, false);
    Optional<Rendering> prompt = prompt(known, index, template);
    if (prompt.isPresent() && full.text().startsWith(prompt.get().text())) {
      int start = Math.max(prompt.get().text().length(), generation(full, index));
      return ending(full, start, true, index, encoding);
    }
    return prompt
        .flatMap(given -> PromptContinuation.of(given, full, known, template))
        .map(whole -> ending(whole, prompt.get().text().length(), true, index, encoding))
        .orElseGet(() -> otherwiseWritten(prompt, full, index, encoding));
  }

  /// A turn before which the template, once the turn is there, writes something else than it did in
  /// the prompt; Mistral's moves the system prompt. Where both lead up to the turn with the same
  /// words, the turn follows the prompt all the same.
  private static TurnText otherwiseWritten(
      Optional<Rendering> prompt, Rendering full, int index, ChatEncoding encoding) {
    int first = first(full, index, 0);
    int lead = first; // where the template's words before the turn begin
    while (lead > 0 && full.origin(lead - 1) == Rendering.TEMPLATE) {
      lead--;
    }
    String text = full.text();
    int from = first;
    while (prompt.isPresent() && from > lead) {
      if (prompt.get().text().endsWith(text.substring(lead, from))) {
        Rendering whole = prompt.get().followedBy(full.part(from, text.length()));
        int skipped = Math.max(0, generation(full, index) - from);
        return ending(whole, prompt.get().text().length() + skipped, true, index, encoding);
      }
      from--;
    }
    int common = prompt.map(given -> PromptContinuation.common(given, full)).orElse(0);
    int start = common >= lead && common <= first ? common : first;
    return ending(full, Math.max(start, generation(full, index)), false, index, encoding);
  }

  /// The server's prompt for the turn; empty where the template can't render it, as many can't
  /// without any message.
  private static Optional<Rendering> prompt(
      Conversation known, int index, ServedTemplate template) {
    if (index == 0) {
      return Optional.empty();
    }
    try {
      return Optional.of(template.render(known.first(index), true));
    } catch (TemplateException e) {
      return Optional.empty();
    }
  }

  /// Cuts off the template's text after the end of the turn.
  private static TurnText ending(
      Rendering text, int start, boolean served, int index, ChatEncoding encoding) {
    int last = text.text().length() - 1;
    while (last >= start && text.origin(last) != index + 1) {
      last--;
    }
    int end = encoding.tokenizer().endOfTurn(text, Math.max(last + 1, start)).orElse(-1);
    if (end >= 0) {
      return new TurnText(text.part(0, end), start, true, served);
    }
    int written = text.text().length();
    while (written > Math.max(last + 1, start)
        && Character.isWhitespace(text.text().charAt(written - 1))) {
      written--;
    }
    return new TurnText(text.part(0, written), start, false, served);
  }

  /// Where `{% generation %}` begins in this message's turn; 0 where the template doesn't say.
  private static int generation(Rendering full, int index) {
    return full.generations().stream()
        .filter(span -> first(full, index, span.start()) < span.end())
        .mapToInt(Rendering.Span::start)
        .findFirst()
        .orElse(0);
  }

  /// The first character of a message at or after a place, or the end of the text.
  private static int first(Rendering full, int index, int from) {
    int place = from;
    while (place < full.text().length() && full.origin(place) != index + 1) {
      place++;
    }
    return place;
  }
}
