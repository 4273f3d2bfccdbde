package io.lorikeet.train.data.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Open WebUI's exports of chats and of feedback. Both have a chat as a tree of messages, each with
/// its `parentId`; the branch that counts ends at `currentId`, or at the message that was rated.
final class OpenWebUi {
  /// Thoughts as the chat shows them: a summary, then quoted lines.
  private static final Pattern THOUGHTS =
      Pattern.compile(
          "(?s)<details type=\"reasoning\"[^>]*>\\s*<summary>.*?</summary>(.*?)</details>\\s*");

  private static final String OTHER_DETAILS = "<details type=\"";
  private static final String RATING = "rating";

  private OpenWebUi() {}

  /// A chat as a record of OpenAI's messages.
  ///
  /// @param record with the chat under `chat`
  static ObjectNode chat(JsonNode record) {
    JsonNode chat = record.path("chat");
    return messages(chat, chat.path("history").path("currentId").asText());
  }

  /// A chat up to the message that was rated, of whose answers only that one is learned.
  ///
  /// @param record with the rating under `data` and the chat under `snapshot`
  static ObjectNode feedback(JsonNode record) {
    JsonNode chat = record.path("snapshot");
    while (chat.path("chat").isObject() && !chat.has("history")) {
      chat = chat.get("chat"); // the whole record of the chat, which has the chat itself in it
    }
    ObjectNode messages = messages(chat, record.path("meta").path("message_id").asText());
    JsonNode list = messages.get("messages");
    for (int i = 0; i < list.size() - 1; i++) {
      if (list.get(i).path("role").asText().equals("assistant")) {
        ((ObjectNode) list.get(i)).put("weight", 0);
      }
    }
    return messages;
  }

  /// Whether the answer was rated a good one.
  static boolean isGood(JsonNode record) {
    JsonNode rating = record.path("data").path(RATING);
    int value = rating.asInt();
    if (value == 0) {
      throw new RecordProblem(
          "'data.rating' must be 1 or -1, found " + JsonValues.describe(rating));
    }
    return value > 0;
  }

  private static ObjectNode messages(JsonNode chat, String last) {
    JsonNode all = chat.path("history").path("messages");
    Deque<JsonNode> branch = new ArrayDeque<>();
    Set<String> seen = new HashSet<>();
    for (String id = last; seen.add(id) && all.path(id).isObject(); ) {
      branch.addFirst(all.get(id));
      id = all.get(id).path("parentId").asText();
    }
    if (branch.isEmpty()) {
      throw new RecordProblem("the chat's history has no message '" + last + "'");
    }
    ObjectNode made = JsonNodeFactory.instance.objectNode();
    ArrayNode list = made.putArray("messages");
    String system = chat.path("params").path("system").asText(chat.path("system").asText());
    if (!system.isBlank()) {
      list.addObject().put("role", "system").put("content", system);
    }
    branch.forEach(message -> list.add(message(message)));
    return made;
  }

  private static ObjectNode message(JsonNode given) {
    if (!given.path("files").isEmpty()) {
      throw new RecordProblem("a message has files, which the export doesn't hold");
    }
    ObjectNode message = JsonNodeFactory.instance.objectNode();
    message.set("role", given.path("role"));
    String text = given.path("content").asText();
    if (!given.path("role").asText().equals("assistant")) {
      return message.put("content", text);
    }
    Matcher thoughts = THOUGHTS.matcher(text);
    StringBuilder thought = new StringBuilder();
    while (thoughts.find()) {
      thought.append(plain(thoughts.group(1)));
    }
    String answer = thoughts.replaceAll("");
    if (answer.contains(OTHER_DETAILS)) {
      throw new RecordProblem(
          "an answer shows what a tool or a program did, which can't be told from its text");
    }
    if (!thought.isEmpty()) {
      message.put("reasoning_content", thought.toString());
    }
    return message.put("content", answer);
  }

  /// The text of quoted lines, in which HTML's signs are escaped.
  private static String plain(String quoted) {
    return quoted
        .strip()
        .replaceAll("(?m)^(?:>|&gt;) ?", "")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&amp;", "&");
  }
}
