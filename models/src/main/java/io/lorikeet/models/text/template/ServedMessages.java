package io.lorikeet.models.text.template;

import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.chat.Conversation.ToolCall;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Messages as llama.cpp's server hands them to a template: what OpenAI's layout has, changed where
/// the template can't take it (common/chat.cpp, common/parsers).
final class ServedMessages {
  private final Capabilities can;
  private final boolean developerRole;
  private final boolean thinkingField;
  private final boolean thinkingParts;
  private final boolean trimmed;
  private final boolean toolResponses;

  /// @param source the template's text: the server knows some models by what stands in it
  ServedMessages(String source, Capabilities can) {
    this.can = can;
    boolean channels = source.contains("<|channel|>");
    boolean toolList =
        source.contains("<|tool_list_start|>") && source.contains("<|tool_list_end|>");
    developerRole = channels;
    thinkingField = channels || toolList || source.contains("List of tools: [");
    thinkingParts =
        can.thinkingContent()
            && source.contains("[SYSTEM_PROMPT]")
            && source.contains("[TOOL_CALLS]")
            && source.contains("[ARGS]")
            && !source.contains("[CALL_ID]");
    toolResponses =
        source.contains(ServedTemplate.GEMMA_4) && !source.contains("{#- OpenAI Chat Completions:");
    trimmed = source.contains("You have access to the following functions in JSONSchema format");
  }

  /// The server's value of `enable_thinking`.
  boolean thinking() {
    return can.thinking();
  }

  /// The variable `messages`. The list has as many entries as there are messages: one that was
  /// merged into the next is null, and left out by [TemplateInputs].
  List<Object> of(List<Message> messages) {
    List<Object> result = new ArrayList<>();
    for (Message message : messages) {
      result.add(fields(message));
    }
    Map<?, ?> first = (Map<?, ?>) result.getFirst();
    if (!can.systemRole() && "system".equals(first.get("role"))) {
      mergeSystem(result);
    }
    if (toolResponses) {
      ToolResponses.merge(result);
    }
    return result;
  }

  /// Puts the system prompt before the next message's text: all that the server can do for a
  /// template that knows no system prompts.
  private static void mergeSystem(List<Object> messages) {
    Map<?, ?> system = (Map<?, ?>) messages.getFirst();
    messages.set(0, null);
    if (messages.size() > 1) {
      Map<String, Object> next = new LinkedHashMap<>();
      ((Map<?, ?>) messages.get(1)).forEach((key, value) -> next.put((String) key, value));
      next.put("content", text(system.get("content")) + "\n" + text(next.get("content")));
      messages.set(1, next);
    }
  }

  private static String text(Object content) {
    if (content instanceof List<?> parts) {
      List<String> texts = new ArrayList<>();
      parts.forEach(part -> texts.add(String.valueOf(((Map<?, ?>) part).get("text"))));
      return String.join("\n", texts);
    }
    return (String) content;
  }

  private Map<String, Object> fields(Message message) {
    Map<String, Object> fields = new LinkedHashMap<>();
    boolean developer = message.role().equals("developer") && !developerRole;
    fields.put("role", developer ? "system" : message.role());
    fields.put("content", content(message));
    String reasoning = trim(message.reasoning().orElse(""));
    if (!reasoning.isEmpty()) {
      fields.put("reasoning_content", reasoning);
      if (thinkingField) {
        fields.put("thinking", reasoning);
        if (developerRole && !message.toolCalls().isEmpty()) {
          fields.remove("content");
        }
      }
    }
    message.name().ifPresent(name -> fields.put("name", name));
    message.toolCallId().ifPresent(id -> fields.put("tool_call_id", id));
    if (!message.toolCalls().isEmpty()) {
      List<Object> calls = new ArrayList<>();
      message.toolCalls().forEach(call -> calls.add(call(call)));
      fields.put("tool_calls", calls);
    }
    if (thinkingParts && (message.isAssistant() || message.role().equals("system"))) {
      thinkingAsPart(fields);
    }
    return fields;
  }

  private String trim(String text) {
    return trimmed ? text.strip() : text;
  }

  private Object content(Message message) {
    List<String> parts = message.content().stream().map(this::trim).toList();
    boolean one = parts.size() <= 1;
    if (one ? can.textContent() || !can.partContent() : !can.partContent()) {
      return String.join("\n", parts);
    }
    List<Object> list = new ArrayList<>();
    parts.forEach(part -> list.add(part("text", part)));
    return list;
  }

  private static Map<String, Object> part(String type, String text) {
    Map<String, Object> part = new LinkedHashMap<>();
    part.put("type", type);
    part.put(type, text);
    return part;
  }

  /// Ministral 3's way: a part of its own before the text.
  private static void thinkingAsPart(Map<String, Object> fields) {
    List<Object> parts = new ArrayList<>();
    Object reasoning = fields.remove("reasoning_content");
    if (reasoning != null) {
      parts.add(part("thinking", (String) reasoning));
    }
    if (fields.get("content") instanceof List<?> list) {
      parts.addAll(list);
    } else {
      parts.add(part("text", (String) fields.get("content")));
    }
    fields.put("content", parts);
  }

  private Map<String, Object> call(ToolCall call) {
    Map<String, Object> function = new LinkedHashMap<>();
    function.put("name", call.name());
    function.put("arguments", arguments(call.arguments()));
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("type", "function");
    fields.put("function", function);
    call.id().ifPresent(id -> fields.put("id", id));
    return fields;
  }

  /// An object where the template takes one, else its JSON text.
  private Object arguments(Object arguments) {
    if (arguments instanceof String text) {
      return can.objectArguments() ? TemplateInputs.json(text) : text;
    }
    return can.objectArguments() ? arguments : TemplateInputs.compactJson(arguments);
  }
}
