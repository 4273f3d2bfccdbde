package io.lorikeet.train.data.files;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.chat.Conversation.ToolCall;
import io.lorikeet.quant.NearestName;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Reads the messages of a chat, in OpenAI's words (`role`, `content`, `tool_calls`) or ShareGPT's
/// (`from`, `value`, and calls as messages of their own).
final class Messages {
  /// Roles by the names that they have in data.
  private static final Map<String, String> ROLES =
      Map.ofEntries(
          Map.entry("system", "system"),
          Map.entry("developer", "developer"),
          Map.entry("user", "user"),
          Map.entry("human", "user"),
          Map.entry("assistant", "assistant"),
          Map.entry("gpt", "assistant"),
          Map.entry("model", "assistant"),
          Map.entry("tool", "tool"),
          Map.entry("function", "tool"),
          Map.entry("function_response", "tool"),
          Map.entry("observation", "tool"),
          Map.entry(Messages.CALL, Messages.CALL),
          Map.entry("tool_call", Messages.CALL));

  private static final String CALL = "function_call";

  private static final int MOST_WEIGHT = 100;

  private Messages() {}

  /// The messages of a list.
  ///
  /// @param key the list's key, for error messages
  /// @throws RecordProblem with the first that isn't understood
  static List<Message> list(JsonNode list, String key) {
    if (!list.isArray()) {
      throw new RecordProblem(
          "'%s' must be a list of messages, found %s".formatted(key, JsonValues.describe(list)));
    }
    if (list.isEmpty()) {
      throw new RecordProblem("'" + key + "' is empty");
    }
    List<Message> messages = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      messages.add(message(list.get(i), key + "[" + i + "]"));
    }
    return messages;
  }

  /// One message.
  ///
  /// @param place such as `messages[2]`
  static Message message(JsonNode node, String place) {
    if (!node.isObject()) {
      throw new RecordProblem(
          "%s must be an object of role and content, found %s"
              .formatted(place, JsonValues.describe(node)));
    }
    boolean shareGpt = !node.hasNonNull("role") && node.hasNonNull("from");
    String roleKey = shareGpt ? "from" : "role";
    String given = JsonValues.text(node, roleKey, place);
    String role = role(given, place + "." + roleKey);
    String contentKey = shareGpt ? "value" : "content";
    if (role.equals(CALL)) {
      return calling(
          toolCalls(JsonValues.parsed(JsonValues.text(node, contentKey, place), place), place),
          node);
    }
    List<ToolCall> calls = new ArrayList<>();
    if (node.hasNonNull("tool_calls")) {
      calls.addAll(toolCalls(node.get("tool_calls"), place + ".tool_calls"));
    }
    if (node.hasNonNull("function_call")) { // OpenAI's first layout of calls
      calls.addAll(toolCalls(node.get("function_call"), place + ".function_call"));
    }
    if (!calls.isEmpty() && !role.equals("assistant")) {
      throw new RecordProblem(
          "%s: only an assistant calls tools, not '%s'".formatted(place, given));
    }
    JsonNode content = node.path(contentKey);
    boolean silent = (content.isMissingNode() || content.isNull()) && !calls.isEmpty();
    return new Message(
        role,
        silent ? List.of() : content(content, place + "." + contentKey),
        reasoning(node, place),
        calls,
        JsonValues.optionalText(node, "name", place),
        JsonValues.optionalText(node, "tool_call_id", place),
        weight(node, place));
  }

  private static Message calling(List<ToolCall> calls, JsonNode node) {
    return new Message(
        "assistant",
        List.of(),
        Optional.empty(),
        calls,
        Optional.empty(),
        Optional.empty(),
        weight(node, ""));
  }

  private static String role(String given, String place) {
    String role = ROLES.get(given);
    if (role == null) {
      List<String> known = List.of("system", "user", "assistant", "tool", "human", "gpt");
      throw new RecordProblem(
          "%s: unknown role '%s'; expected system, user, assistant or tool%s"
              .formatted(place, given, NearestName.hint(given, known)));
    }
    return role;
  }

  /// A text, or a list of parts that are texts.
  private static List<String> content(JsonNode content, String place) {
    if (content.isTextual()) {
      return List.of(JsonValues.fit(content.textValue(), place));
    }
    if (!content.isArray()) {
      throw new RecordProblem(
          "%s must be a string or a list of text parts, found %s"
              .formatted(place, JsonValues.describe(content)));
    }
    List<String> parts = new ArrayList<>();
    for (JsonNode part : content) {
      String type = part.path("type").asText("text");
      if (part.isTextual()) {
        parts.add(JsonValues.fit(part.textValue(), place));
      } else if (type.equals("text") && part.path("text").isTextual()) {
        parts.add(JsonValues.fit(part.get("text").textValue(), place));
      } else {
        throw new RecordProblem(
            "%s has a part of type '%s'; only parts of type text can be trained on"
                .formatted(place, type));
      }
    }
    return parts;
  }

  private static Optional<String> reasoning(JsonNode node, String place) {
    for (String key : List.of("reasoning_content", "reasoning", "thinking")) {
      Optional<String> text = JsonValues.optionalText(node, key, place);
      if (text.isPresent()) {
        return text;
      }
    }
    return Optional.empty();
  }

  /// OpenAI's `weight`, of any size here, or `train` of true or false.
  private static Optional<Double> weight(JsonNode node, String place) {
    JsonNode train = node.path("train");
    if (train.isBoolean()) {
      return Optional.of(train.booleanValue() ? 1.0 : 0);
    }
    JsonNode weight = node.path("weight");
    if (weight.isMissingNode() || weight.isNull()) {
      return Optional.empty();
    }
    if (weight.isNumber() && weight.doubleValue() >= 0 && weight.doubleValue() <= MOST_WEIGHT) {
      return Optional.of(weight.doubleValue());
    }
    throw new RecordProblem(
        "%s.weight must be a number from 0 to %s, found %s".formatted(place, MOST_WEIGHT, weight));
  }

  private static List<ToolCall> toolCalls(JsonNode calls, String place) {
    if (calls.isObject()) {
      return List.of(toolCall(calls, place));
    }
    if (!calls.isArray()) {
      throw new RecordProblem(
          "%s must be a list of calls, found %s".formatted(place, JsonValues.describe(calls)));
    }
    List<ToolCall> all = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      all.add(toolCall(calls.get(i), place + "[" + i + "]"));
    }
    return all;
  }

  /// A call, with or without the `function` that OpenAI puts around name and arguments.
  private static ToolCall toolCall(JsonNode call, String place) {
    JsonNode function = call.path("function").isObject() ? call.get("function") : call;
    String name = JsonValues.text(function, "name", place);
    JsonNode arguments = function.path("arguments");
    if (!function.hasNonNull("arguments") && function.hasNonNull("parameters")) {
      arguments = function.get("parameters");
    }
    String at = place + ".arguments";
    JsonNode object =
        arguments.isTextual() ? JsonValues.parsed(arguments.textValue(), at) : arguments;
    if (!object.isObject()) {
      throw new RecordProblem(
          "%s must be a JSON object, or one as text, found %s"
              .formatted(at, JsonValues.describe(object)));
    }
    Map<String, Object> value = JsonValues.object(object, at);
    return new ToolCall(
        JsonValues.optionalText(call, "id", place),
        name,
        arguments.isTextual() ? arguments.textValue() : value);
  }

  /// Definitions of tools: a list, or one as JSON text; each with or without the `function` that
  /// OpenAI puts around it.
  static List<Map<String, Object>> tools(JsonNode given) {
    List<Map<String, Object>> all = new ArrayList<>();
    if (JsonValues.isAbsent(given)) {
      return all;
    }
    JsonNode tools = given.isTextual() ? JsonValues.parsed(given.textValue(), "'tools'") : given;
    if (!tools.isArray()) {
      throw new RecordProblem(
          "'tools' must be a list, or one as JSON text, found " + JsonValues.describe(tools));
    }
    for (JsonNode tool : tools) {
      if (!tool.isObject()) {
        throw new RecordProblem(
            "'tools' must be a list of objects, found " + JsonValues.describe(tool) + " in it");
      }
      Map<String, Object> definition = new LinkedHashMap<>();
      if (tool.path("function").isObject()) {
        definition.putAll(JsonValues.object(tool, "'tools'"));
        definition.putIfAbsent("type", "function");
      } else {
        definition.put("type", "function");
        definition.put("function", JsonValues.object(tool, "'tools'"));
      }
      all.add(definition);
    }
    return all;
  }
}
