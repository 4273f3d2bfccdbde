package io.lorikeet.finetune.serving;

import io.lorikeet.models.chat.Conversation.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// A chat format as texts around messages: the part of a chat template that Ollama's templates can
/// express. The texts are found out from prompts, and hold for other prompts only as far as those
/// were compared.
///
/// @param system texts around a system prompt, which is the first message
/// @param lead text before everything where there is no system prompt: often a default one
/// @param user texts around a user's text
/// @param assistant texts around an assistant's text
/// @param joined whether the user's first text follows the system prompt within the same turn
/// @param end the end of the prompt: the beginning of the assistant's next turn
/// @param others how other roles than these are written, those of tools for example
record TurnFormat(
    Around system,
    String lead,
    Around user,
    Around assistant,
    boolean joined,
    String end,
    Others others) {
  static final String ROLE = "user";
  private static final int LONGEST = 64; // of what begins a turn, in characters

  /// Other roles than system, user and assistant.
  enum Others {
    /// All turns are alike, those of the three as well, but for the role's name.
    ALIKE,
    /// Like a user's turn, but for the role's name.
    NAMED,
    AS_USER,
    AS_ASSISTANT,
    LEFT_OUT
  }

  /// The texts before and after a text.
  record Around(String open, String close) {
    String of(String text) {
      return open + text + close;
    }
  }

  /// Prompts of conversations, as a chat template makes them.
  @FunctionalInterface
  interface PromptRenderer {
    /// @return empty where the template refuses the conversation
    Optional<String> of(List<Message> messages);
  }

  private static final Message SYSTEM = Message.of("system", "Sys§tem");
  private static final Message USER = Message.of("user", "Fir§st");
  private static final Message ASSISTANT = Message.of("assistant", "Repl§y");
  private static final Message AGAIN = Message.of("user", "Sec§ond");

  /// The formats that a template's prompts may have, by a few of them.
  static Stream<TurnFormat> of(PromptRenderer prompts) {
    Optional<List<String>> first = around(prompts, USER);
    Optional<List<String>> turns = around(prompts, USER, ASSISTANT, AGAIN);
    Optional<List<String>> told = around(prompts, SYSTEM, USER);
    if (first.isEmpty() || turns.isEmpty() || told.isEmpty()) {
      return Stream.empty();
    }
    Boundaries found =
        new Boundaries(
            first.get().get(0),
            turns.get().get(1),
            turns.get().get(2),
            first.get().get(1),
            told.get().get(0),
            told.get().get(1));
    return found.formats();
  }

  /// The texts before, between and after those of messages, if they stand in the prompt in order.
  private static Optional<List<String>> around(PromptRenderer prompts, Message... messages) {
    Optional<String> made = prompts.of(List.of(messages));
    if (made.isEmpty()) {
      return Optional.empty();
    }
    String prompt = made.get();
    List<String> texts = new ArrayList<>();
    int from = 0;
    for (Message message : messages) {
      String text = message.text();
      int at = prompt.indexOf(text, from);
      if (at < 0) {
        return Optional.empty();
      }
      texts.add(prompt.substring(from, at));
      from = at + text.length();
    }
    texts.add(prompt.substring(from));
    return Optional.of(texts);
  }

  /// The texts between messages.
  ///
  /// @param first before the user's first text, without a system prompt
  /// @param reply between the user's text and the assistant's
  /// @param next between the assistant's text and the user's
  /// @param last after the user's last text
  /// @param told before the system prompt
  /// @param asked between the system prompt and the user's text
  private record Boundaries(
      String first, String reply, String next, String last, String told, String asked) {

    /// The formats that make these boundaries, those first whose turns are alike for all roles.
    Stream<TurnFormat> formats() {
      return Stream.concat(
          beginnings().filter(open -> open.contains(ROLE)).flatMap(open -> alike(open).stream()),
          beginnings().flatMap(this::apart));
    }

    /// The possible beginnings of a user's turn, the longest first.
    private Stream<String> beginnings() {
      int common = 0;
      int most = Math.min(LONGEST, Math.min(first.length(), next.length()));
      while (common < most
          && first.charAt(first.length() - 1 - common) == next.charAt(next.length() - 1 - common)) {
        common++;
      }
      int longest = common;
      return IntStream.rangeClosed(0, longest)
          .mapToObj(cut -> first.substring(first.length() - longest + cut));
    }

    private Optional<TurnFormat> alike(String open) {
      int role = open.indexOf(ROLE);
      String before = open.substring(0, role);
      String after = open.substring(role + ROLE.length());
      String close = next.substring(0, next.length() - open.length());
      String system = before + "system" + after;
      boolean same =
          reply.equals(close + before + "assistant" + after)
              && last.startsWith(close)
              && asked.equals(close + open)
              && told.endsWith(system);
      return same
          ? Optional.of(
              new TurnFormat(
                  new Around(told, close),
                  without(first, open),
                  new Around(open, close),
                  new Around(before + "assistant" + after, close),
                  false,
                  last.substring(close.length()),
                  Others.ALIKE))
          : Optional.empty();
    }

    private Stream<TurnFormat> apart(String open) {
      boolean joined = !asked.endsWith(open);
      int common = 0;
      int most = Math.min(LONGEST, Math.min(reply.length(), last.length()));
      while (common < most && reply.charAt(common) == last.charAt(common)) {
        common++;
      }
      return IntStream.rangeClosed(0, common)
          .boxed()
          .flatMap(
              close ->
                  Stream.of(Others.NAMED, Others.AS_USER, Others.AS_ASSISTANT, Others.LEFT_OUT)
                      .filter(others -> others != Others.NAMED || open.contains(ROLE) && !joined)
                      .map(
                          others ->
                              new TurnFormat(
                                  new Around(told, joined ? asked : without(asked, open)),
                                  without(first, open),
                                  new Around(open, reply.substring(0, close)),
                                  new Around(reply.substring(close), without(next, open)),
                                  joined,
                                  last.substring(close),
                                  others)));
    }

    private static String without(String text, String end) {
      return text.substring(0, text.length() - end.length());
    }
  }

  /// The prompt of a conversation, as [GoTemplate] says it.
  String prompt(List<Message> messages) {
    boolean told = messages.getFirst().role().equals("system");
    StringBuilder out = new StringBuilder(told ? "" : lead);
    for (int i = 0; i < messages.size(); i++) {
      Message message = messages.get(i);
      String text = message.text();
      switch (message.role()) {
        case "system" -> out.append(system.of(text));
        case "assistant" -> out.append(assistant.of(text));
        case "user" -> out.append(told && joined && i == 1 ? text + user.close() : user.of(text));
        default -> out.append(other(message.role(), text));
      }
    }
    return out.append(end).toString();
  }

  private String other(String role, String text) {
    return switch (others) {
      case ALIKE, NAMED -> new Around(user.open().replaceFirst(ROLE, role), user.close()).of(text);
      case AS_USER -> user.of(text);
      case AS_ASSISTANT -> assistant.of(text);
      case LEFT_OUT -> "";
    };
  }
}
