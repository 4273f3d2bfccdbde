package io.lorikeet.train.data;

import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.text.template.Rendering;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.models.text.template.TemplateException;
import java.util.Optional;

/// The text that a model has to write after a server's prompt, where the template doesn't repeat
/// the prompt's end once the turn is there. Mostly that end opens the model's thoughts, or closes
/// them at once. The template leaves it out of turns without thoughts, and of earlier turns.
final class PromptContinuation {
  private static final String THINK = "<think>";
  private static final String END_OF_THINKING = "</think>";

  /// Stands for thoughts, to see where a template writes them; no text has it.
  private static final String MARK = "\uF8FE";

  private final Rendering prompt;
  private final Rendering full;
  private final Conversation known;
  private final ServedTemplate template;
  private final Message message;

  private PromptContinuation(
      Rendering prompt, Rendering full, Conversation known, ServedTemplate template) {
    this.prompt = prompt;
    this.full = full;
    this.known = known;
    this.template = template;
    message = known.messages().getLast();
  }

  /// The prompt and what follows it.
  ///
  /// @param prompt the server's, before the last message is there
  /// @param full the rendering with the last message
  /// @param known the conversation up to the turn
  /// @return empty where the two differ before the end of the prompt
  static Optional<Rendering> of(
      Rendering prompt, Rendering full, Conversation known, ServedTemplate template) {
    PromptContinuation turn = new PromptContinuation(prompt, full, known, template);
    return turn.withOtherThoughts().or(turn::afterOpening).or(turn::afterEndOfPrompt);
  }

  /// Characters that a prompt and a text have in common at their beginning, without a part of a
  /// marker such as `<think>`.
  static int common(Rendering prompt, Rendering full) {
    String a = prompt.text();
    String b = full.text();
    int length = commonLength(a, b);
    int marker = a.lastIndexOf('<', length - 1);
    boolean inside =
        marker >= 0
            && length < a.length()
            && a.substring(marker, length).indexOf('>') < 0
            && prompt.origin(marker) == Rendering.TEMPLATE;
    return inside ? marker : length;
  }

  private static int commonLength(String a, String b) {
    int length = 0;
    while (length < Math.min(a.length(), b.length()) && a.charAt(length) == b.charAt(length)) {
      length++;
    }
    return length;
  }

  /// As the template writes the turn without its thoughts, where the prompt has ended them; or with
  /// thoughts that are then taken out, where the prompt has begun some and the turn has none.
  private Optional<Rendering> withOtherThoughts() {
    boolean thinks = message.reasoning().isPresent();
    Rendering other;
    try {
      other = template.render(known.thinking(thinks ? Optional.empty() : Optional.of(MARK)), false);
    } catch (TemplateException e) {
      return Optional.empty();
    }
    String text = other.text();
    if (!text.startsWith(prompt.text())) {
      return Optional.empty();
    }
    if (thinks) {
      return Optional.of(other);
    }
    int mark = text.indexOf(MARK, prompt.text().length());
    if (mark < 0 || blanksFrom(text, prompt.text().length()) < mark) {
      return Optional.empty();
    }
    return Optional.of(prompt.followedBy(from(other, mark + MARK.length())));
  }

  /// After a prompt that opens thoughts which the template leaves out once they were thought
  /// (DeepSeek R1, QwQ): they come first, as a server would read them out of what the model wrote.
  private Optional<Rendering> afterOpening() {
    int common = common(prompt, full);
    if (!prompt.text().substring(common).strip().equals(THINK)) {
      return Optional.empty();
    }
    String content = message.text();
    int end = content.indexOf(END_OF_THINKING);
    String inside = end < 0 ? "" : content.substring(0, end).strip();
    String reasoning =
        message
            .reasoning()
            .orElse(inside.startsWith(THINK) ? inside.substring(THINK.length()) : inside)
            .strip();
    String lineBreak = reasoning.isEmpty() ? "" : "\n";
    Rendering thought =
        Rendering.of(reasoning, known.messages().size())
            .followedBy(Rendering.of(lineBreak + END_OF_THINKING + "\n\n", Rendering.TEMPLATE));
    return Optional.of(prompt.followedBy(thought).followedBy(from(full, common)));
  }

  /// After a prompt that differs from the turn in nothing but the template's words at its end. Of
  /// what follows in the turn, the part that the prompt ends with isn't written again.
  private Optional<Rendering> afterEndOfPrompt() {
    int common = common(prompt, full);
    String end = prompt.text().substring(common);
    for (int place = common; place < prompt.text().length(); place++) {
      if (prompt.origin(place) != Rendering.TEMPLATE) {
        return Optional.empty();
      }
    }
    String rest = full.text().substring(common);
    int overlap = Math.min(rest.length(), end.length());
    while (!end.endsWith(rest.substring(0, overlap))) {
      overlap--;
    }
    int lead = 0; // the template's words before the message's
    while (lead < rest.length() && full.origin(common + lead) == Rendering.TEMPLATE) {
      lead++;
    }
    if (overlap == 0 && lead > 0 && end.contains(rest.substring(0, lead))) {
      return Optional.empty(); // the turn's beginning stands within the prompt's end
    }
    return Optional.of(prompt.followedBy(full.part(common + overlap, full.text().length())));
  }

  /// The text after a place, without the blanks there.
  private static Rendering from(Rendering text, int place) {
    return text.part(blanksFrom(text.text(), place), text.text().length());
  }

  private static int blanksFrom(String text, int from) {
    int place = from;
    while (place < text.length() && Character.isWhitespace(text.charAt(place))) {
      place++;
    }
    return place;
  }
}
