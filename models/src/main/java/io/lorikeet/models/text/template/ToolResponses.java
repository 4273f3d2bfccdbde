package io.lorikeet.models.text.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Gemma 4's older templates want the answers of tools inside the message that called them, as
/// `tool_responses`, together with what the assistant says next (common/parsers/gemma4.cpp:
/// `convert_tool_responses_gemma4`).
final class ToolResponses {
  private ToolResponses() {}

  /// @param messages changed in place; a message that was merged into an earlier one becomes null
  static void merge(List<Object> messages) {
    for (int i = 0; i < messages.size(); i++) {
      if (messages.get(i) instanceof Map<?, ?> message && !calls(message).isEmpty()) {
        messages.set(i, merged(message, messages, i));
      }
    }
  }

  private static Map<String, Object> merged(Map<?, ?> calling, List<Object> messages, int at) {
    List<?> calls = calls(calling);
    List<Object> responses = new ArrayList<>();
    int next = at + 1;
    while (hasRole(messages, next, "tool")) {
      Map<?, ?> answer = (Map<?, ?>) messages.set(next, null);
      String name =
          responses.size() < calls.size()
              ? nameOf(calls.get(responses.size()))
              : String.valueOf(answer.get("tool_call_id"));
      Map<String, Object> response = new LinkedHashMap<>();
      response.put("name", name);
      next++;
      response.put("response", new TemplateInputs.From(next, response(answer.get("content"))));
      responses.add(response);
    }
    Map<String, Object> merged = new LinkedHashMap<>();
    merged.put("role", "assistant");
    merged.put("tool_calls", calls);
    if (!responses.isEmpty()) {
      merged.put("tool_responses", responses);
    }
    if (hasRole(messages, next, "assistant")
        && calls((Map<?, ?>) messages.get(next)).isEmpty()
        && says(((Map<?, ?>) messages.get(next)).get("content"))) {
      Object content = ((Map<?, ?>) messages.set(next, null)).get("content");
      merged.put("content", new TemplateInputs.From(next + 1, content));
    }
    if (calling.get("reasoning_content") instanceof String thoughts) {
      merged.put("reasoning_content", thoughts);
    }
    return merged;
  }

  private static List<?> calls(Map<?, ?> message) {
    return message.get("tool_calls") instanceof List<?> calls ? calls : List.of();
  }

  private static boolean hasRole(List<Object> messages, int at, String role) {
    return at < messages.size()
        && messages.get(at) instanceof Map<?, ?> message
        && role.equals(message.get("role"));
  }

  private static boolean says(Object content) {
    return content instanceof String text
        ? !text.isEmpty()
        : content instanceof List<?> parts && !parts.isEmpty();
  }

  private static String nameOf(Object call) {
    return (String) ((Map<?, ?>) ((Map<?, ?>) call).get("function")).get("name");
  }

  /// An answer's value, if it is JSON.
  private static Object response(Object content) {
    try {
      return content instanceof String text ? TemplateInputs.json(text) : content;
    } catch (EvaluationError _) {
      return content;
    }
  }
}
