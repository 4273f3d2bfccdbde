package io.lorikeet.models.text.template;

import java.util.List;
import java.util.Map;

/// What a template can be given, found out by trying: llama.cpp's server does the same and changes
/// messages accordingly (common/jinja/caps.cpp, common/chat.cpp).
///
/// @param textContent a message's content may be one text
/// @param partContent it may be a list of parts, `{"type": "text", "text": …}`
/// @param systemRole there may be a system message
/// @param thinkingContent a part may be `{"type": "thinking", "thinking": …}`
/// @param objectArguments the arguments of a tool call may be an object, not only its JSON text
record Capabilities(
    boolean textContent,
    boolean partContent,
    boolean thinkingContent,
    boolean systemRole,
    boolean objectArguments) {
  private static final String MARK = "MARKED_TEXT";

  /// Tries a template.
  static Capabilities of(ChatTemplate template) {
    Map<String, Object> user = message("user", MARK);
    Map<String, Object> parts = message("user", List.of(Map.of("type", "text", "text", MARK)));
    List<Map<String, Object>> system = List.of(message("system", MARK), message("user", "text"));
    return new Capabilities(
        writes(template, List.of(user)),
        writes(template, List.of(parts)),
        writes(template, List.of(message("user", "text"), message("assistant", thinking()))),
        writes(template, system),
        writes(template, call()));
  }

  private static Map<String, Object> message(String role, Object content) {
    return Map.of("role", role, "content", content);
  }

  private static List<Map<String, Object>> thinking() {
    return List.of(
        Map.of("type", "thinking", "thinking", "text"), Map.of("type", "text", "text", MARK));
  }

  private static List<Map<String, Object>> call() {
    Map<String, Object> function = Map.of("name", "tool1", "arguments", Map.of("arg", MARK));
    Map<String, Object> call = Map.of("id", "call00001", "type", "function", "function", function);
    return List.of(
        message("user", "text"),
        Map.of("role", "assistant", "content", "", "tool_calls", List.of(call)),
        Map.of("role", "tool", "content", "text", "tool_call_id", "call00001"),
        message("assistant", "text"),
        message("user", "text"));
  }

  /// Whether the mark comes out, and not only as a part of a whole list or dictionary.
  private static boolean writes(ChatTemplate template, List<Map<String, Object>> messages) {
    Map<String, Object> variables =
        Map.of("messages", messages, "bos_token", "", "eos_token", "", "enable_thinking", true);
    try {
      String text = template.render(variables, ServedTemplate.DAY).text();
      return text.contains(MARK)
          && !text.contains("'text': '" + MARK)
          && !text.contains("\"text\": \"" + MARK)
          && !text.contains("'arg': '" + MARK);
    } catch (TemplateException _) {
      return false;
    }
  }
}
