package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Chats and ratings as Open WebUI exports them.
class OpenWebUiTest {
  /// A question that was answered twice, and a second question to the second answer.
  private static final String HISTORY =
      """
      {"currentId": "m5", "messages": {
        "m1": {"id": "m1", "parentId": null, "childrenIds": ["m2", "m3"], "role": "user", "content": "2+2?"},
        "m2": {"id": "m2", "parentId": "m1", "role": "assistant", "content": "5"},
        "m3": {"id": "m3", "parentId": "m1", "role": "assistant", "modelName": "parrot", "content":
          "<details type=\\"reasoning\\" done=\\"true\\" duration=\\"1\\">\\n<summary>Thought for 1 second</summary>\\n&gt; Is 4 &lt; 5?\\n&gt; It is.\\n</details>\\n4"},
        "m4": {"id": "m4", "parentId": "m3", "role": "user", "content": "3+3?"},
        "m5": {"id": "m5", "parentId": "m4", "role": "assistant", "content": "6"}}}
      """;

  @TempDir private Path folder;
  private final Events events = new Events();

  private List<Example> read(String json) throws IOException {
    return new ReadFiles(folder, events).read("export.json", json);
  }

  private static Conversation chat(Example example) {
    return assertInstanceOf(Example.Chat.class, example.content()).conversation();
  }

  private static String said(Conversation chat) {
    return String.join("|", chat.messages().stream().map(message -> message.text()).toList());
  }

  @Test
  void ofAChatTheShownBranchIsRead() throws IOException {
    List<Example> all =
        read(
            """
            [{"id": "c", "user_id": "u", "title": "t", "archived": false, "chat":
              {"title": "t", "models": ["parrot"], "params": {"system": "Be short."}, "history": %s}}]
            """
                .formatted(HISTORY));
    Conversation chat = chat(all.getFirst());
    assertEquals("system, user, assistant, user, assistant", chat.roles());
    assertEquals("Be short.|2+2?|4|3+3?|6", said(chat));
    assertEquals(Optional.of("Is 4 < 5?\nIt is."), chat.messages().get(2).reasoning());
    assertEquals(Optional.empty(), all.getFirst().label());
  }

  @Test
  void ofARatingTheRatedAnswerIsLearned() throws IOException {
    String record =
        """
        {"type": "rating", "data": {"rating": %s, "model_id": "parrot"}, "meta": {"message_id": "%s"},
         "snapshot": {"chat": {"id": "c", "chat": {"history": %s}}}}
        """;
    List<Example> all =
        read(
            "[%s, %s, %s]"
                .formatted(
                    record.formatted(1, "m3", HISTORY),
                    record.formatted(-1, "m2", HISTORY),
                    record.formatted(1, "m5", HISTORY)));
    assertEquals("2+2?|4", said(chat(all.get(0))));
    assertEquals(Optional.of(true), all.get(0).label());
    assertEquals("2+2?|5", said(chat(all.get(1))));
    assertEquals(Optional.of(false), all.get(1).label());
    assertEquals(
        List.of(Optional.empty(), Optional.of(0.0), Optional.empty(), Optional.empty()),
        chat(all.get(2)).messages().stream().map(message -> message.weight()).toList());
    refused(record.formatted(0, "m3", HISTORY), "'data.rating' must be 1 or -1");
    refused(record.formatted(1, "m9", HISTORY), "has no message 'm9'");
  }

  @Test
  void whatTheExportDoesNotHoldIsRefused() throws IOException {
    ObjectNode chat = (ObjectNode) new JsonMapper().readTree("{\"history\": " + HISTORY + "}");
    ObjectNode messages = (ObjectNode) chat.get("history").get("messages");
    ((ObjectNode) messages.get("m5"))
        .put("content", "<details type=\"tool_calls\" name=\"add\"></details>6");
    refused("{\"chat\": " + chat + "}", "a tool or a program");
    ((ObjectNode) messages.get("m5")).put("content", "6");
    ((ObjectNode) messages.get("m1")).putArray("files").addObject().put("type", "image");
    refused("{\"chat\": " + chat + "}", "has files");
    ((ObjectNode) messages.get("m1")).remove("files");
    ((ObjectNode) messages.get("m1")).put("parentId", "m5"); // in a circle
    assertEquals("2+2?|4|3+3?|6", said(chat(read("[{\"chat\": " + chat + "}]").getFirst())));
  }

  private void refused(String record, String words) {
    String said =
        assertThrows(InvalidInputException.class, () -> read("[" + record + "]")).getMessage();
    assertTrue(said.contains(words), said);
  }
}
