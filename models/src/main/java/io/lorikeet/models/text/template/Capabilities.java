package io.lorikeet.models.text.template;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The forms of messages that a template takes, found out by trying. llama.cpp's server does the
/// same and changes messages accordingly (common/jinja/caps.cpp, common/chat.cpp).
///
/// @param textContent a message's content may be one text
/// @param partContent it may be a list of parts, `{"type": "text", "text": …}`
/// @param systemRole there may be a system message
/// @param thinkingContent a part may be `{"type": "thinking", "thinking": …}`
/// @param objectArguments the arguments of a tool call may be an object, not only its JSON text
/// @param thinking the template knows thoughts (common/chat-diff-analyzer.cpp: `analyze_reasoning`)
record Capabilities(
    boolean textContent,
    boolean partContent,
    boolean thinkingContent,
    boolean systemRole,
    boolean objectArguments,
    boolean thinking) {
  private static final String MARK = "MARKED_TEXT";
  private static final int SEEN_OF_PROMPT = 64; // characters, as many as the server looks at

  /// Tries a template.
  ///
  /// @throws TemplateException when it doesn't end
  static Capabilities of(ChatTemplate template) {
    List<Map<String, Object>> system = List.of(message("system", MARK), message("user", "text"));
    boolean text = writes(template, List.of(message("user", MARK)));
    boolean parts = writes(template, List.of(message("user", List.of(part()))));
    return new Capabilities(
        text,
        parts && (!text || takesNoParts(template)),
        writes(template, List.of(message("user", "text"), message("assistant", thoughts()))),
        writes(template, system),
        writes(template, call()),
        thinks(template));
  }

  /// Whether the content may be a list without parts, which is what the server tries.
  private static boolean takesNoParts(ChatTemplate template) {
    return rendered(template, List.of(message("user", List.of())), Map.of()).isPresent();
  }

  private static Map<String, Object> message(String role, Object content) {
    return Map.of("role", role, "content", content);
  }

  private static List<Map<String, Object>> thoughts() {
    return List.of(Map.of("type", "thinking", "thinking", "text"), part());
  }

  private static Map<String, Object> part() {
    return Map.of("type", "text", "text", MARK);
  }

  private static Map<String, Object> calling(Map<String, Object> arguments) {
    Map<String, Object> function = Map.of("name", "tool1", "arguments", arguments);
    Map<String, Object> call = Map.of("id", "call00001", "type", "function", "function", function);
    return Map.of("role", "assistant", "content", "", "tool_calls", List.of(call));
  }

  private static List<Map<String, Object>> call() {
    return List.of(
        message("user", "text"),
        calling(Map.of("arg", MARK)),
        Map.of("role", "tool", "content", "text", "tool_call_id", "call00001"),
        message("assistant", "text"),
        message("user", "text"));
  }

  /// Whether thoughts come out, of an answer or of a call, or the prompt has more at its end with
  /// or without thinking.
  private static boolean thinks(ChatTemplate template) {
    Map<String, Object> answer = new HashMap<>(message("assistant", "text"));
    answer.put("reasoning_content", MARK);
    Map<String, Object> called = new HashMap<>(calling(Map.of("arg", "value")));
    called.put("reasoning_content", MARK);
    Map<String, Object> user = message("user", "text");
    if (writes(template, List.of(user, answer)) || writes(template, List.of(user, called))) {
      return true;
    }
    String with = prompt(template, true);
    String without = prompt(template, false);
    return extend(with, without) || extend(without, with);
  }

  private static boolean extend(String text, String longer) {
    String end = text.substring(Math.max(0, text.length() - SEEN_OF_PROMPT));
    int at = longer.lastIndexOf(end);
    return at >= 0 && !longer.substring(at + end.length()).isBlank();
  }

  private static String prompt(ChatTemplate template, boolean thinking) {
    return rendered(
            template,
            List.of(message("user", "text")),
            Map.of("enable_thinking", thinking, "add_generation_prompt", true))
        .orElse("");
  }

  /// Whether the mark comes out, and not only as a part of a whole list or dictionary.
  private static boolean writes(ChatTemplate template, List<Map<String, Object>> messages) {
    return rendered(template, messages, Map.of("enable_thinking", true))
        .filter(
            text ->
                text.contains(MARK)
                    && !text.contains("'text': '" + MARK)
                    && !text.contains("\"text\": \"" + MARK)
                    && !text.contains("'arg': '" + MARK))
        .isPresent();
  }

  private static Optional<String> rendered(
      ChatTemplate template, List<Map<String, Object>> messages, Map<String, Object> more) {
    Map<String, Object> variables = new HashMap<>(more);
    variables.putAll(Map.of("messages", messages, "bos_token", "", "eos_token", ""));
    try {
      return Optional.of(template.render(variables, ServedTemplate.DAY).text());
    } catch (TemplateException e) {
      if (e.isExhausted()) {
        throw e; // it would be for each conversation, after a second or so
      }
      return Optional.empty();
    }
  }
}
