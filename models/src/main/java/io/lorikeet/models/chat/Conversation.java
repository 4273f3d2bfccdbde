package io.lorikeet.models.chat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A chat: who said what, and the tools that the assistant could call. It carries what llama.cpp's
/// server takes in a request (tools/server, `common_chat_msg` of common/chat.h), so that a chat
/// template sees the same whether a model is trained or served.
///
/// @param messages in their order, at least one
/// @param tools definitions as JSON objects in OpenAI's layout (`type`, `function` with `name`,
///     `description`, `parameters`); values are maps, lists, strings, numbers, booleans and null
/// @param variables further variables for the template, such as `enable_thinking` or `documents`
public record Conversation(
    List<Message> messages, List<Map<String, Object>> tools, Map<String, Object> variables) {
  public Conversation {
    messages = List.copyOf(messages);
    tools = List.copyOf(tools);
    variables = Collections.unmodifiableMap(new LinkedHashMap<>(variables));
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("a conversation without messages");
    }
  }

  /// A conversation without tools.
  public static Conversation of(Message... messages) {
    return new Conversation(List.of(messages), List.of(), Map.of());
  }

  /// The first messages, with the same tools and variables.
  public Conversation first(int count) {
    return new Conversation(messages.subList(0, count), tools, variables);
  }

  /// The same conversation with other thoughts in its last message.
  public Conversation thinking(Optional<String> reasoning) {
    List<Message> changed = new ArrayList<>(messages);
    changed.set(changed.size() - 1, changed.getLast().thinking(reasoning));
    return new Conversation(changed, tools, variables);
  }

  /// One message.
  ///
  /// @param role `system`, `user`, `assistant`, `tool`, or another one that the template knows
  /// @param content the message's text, one for each content part; several only where the data has
  ///     several parts. Empty where a message has nothing but tool calls.
  /// @param reasoning the thoughts before the answer (`reasoning_content`, `thinking`)
  /// @param toolCalls the assistant's calls
  /// @param name the speaker's name; of a `tool` message the tool that answers
  /// @param toolCallId of a `tool` message the call that it answers
  /// @param weight of the message in the loss, as the data says it (`weight`, `train`): 0 where it
  ///     isn't learned; empty where the data says nothing
  public record Message(
      String role,
      List<String> content,
      Optional<String> reasoning,
      List<ToolCall> toolCalls,
      Optional<String> name,
      Optional<String> toolCallId,
      Optional<Double> weight) {
    public Message {
      content = List.copyOf(content);
      toolCalls = List.copyOf(toolCalls);
    }

    /// A message of text alone.
    public static Message of(String role, String content) {
      return new Message(
          role,
          List.of(content),
          Optional.empty(),
          List.of(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());
    }

    /// Whether an assistant wrote it.
    public boolean isAssistant() {
      return role.equals("assistant");
    }

    /// Whether it is learned: an assistant's, and not of weight 0.
    public boolean isLearned() {
      return isAssistant() && weight.orElse(1.0) > 0;
    }

    /// The same message with another weight.
    public Message weighted(double other) {
      return new Message(role, content, reasoning, toolCalls, name, toolCallId, Optional.of(other));
    }

    /// The same message with other thoughts.
    public Message thinking(Optional<String> reasoning) {
      return new Message(role, content, reasoning, toolCalls, name, toolCallId, weight);
    }

    /// All of the content; parts are joined by line breaks, as llama.cpp does it.
    public String text() {
      return String.join("\n", content);
    }
  }

  /// A call of a tool.
  ///
  /// @param id the call's name, which the tool's answer repeats
  /// @param name the tool
  /// @param arguments a JSON object as a map, or as the text that OpenAI's layout has
  public record ToolCall(Optional<String> id, String name, Object arguments) {}

  /// The roles in their order, such as `system, user, assistant`: for messages to people.
  public String roles() {
    List<String> roles = new ArrayList<>();
    messages.forEach(message -> roles.add(message.role()));
    return String.join(", ", roles);
  }
}
