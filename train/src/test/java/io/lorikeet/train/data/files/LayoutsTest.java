package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.chat.Conversation.Message;
import io.lorikeet.models.chat.Conversation.ToolCall;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Chats, calls of tools, turns of instructions and preference pairs.
class LayoutsTest {
  @TempDir Path folder;
  private final Events events = new Events();

  @Test
  void readsMessages() throws IOException {
    Conversation chat =
        chat(
            """
            {"messages": [
              {"role": "system", "content": "Be short."},
              {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
              {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\\"x\\": 1}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": {"y": [2]}}}]},
              {"role": "tool", "tool_call_id": "c2", "content": "two"},
              {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "one"},
              {"role": "assistant", "content": "done", "weight": 0}],
             "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
             "chat_template_kwargs": {"enable_thinking": false}}
            """);
    assertEquals("system, user, assistant, tool, tool, assistant", chat.roles());
    assertEquals(List.of("a", "b"), chat.messages().get(1).content());
    Message call = chat.messages().get(2);
    assertEquals(List.of(), call.content());
    assertEquals(Optional.of("hm"), call.reasoning());
    assertEquals(
        List.of(
            new ToolCall(Optional.of("c1"), "f", "{\"x\": 1}"),
            new ToolCall(Optional.of("c2"), "g", Map.of("y", List.of(2)))),
        call.toolCalls());
    assertEquals(Optional.of("c2"), chat.messages().get(3).toolCallId());
    assertEquals(Optional.of(0.0), chat.messages().get(5).weight());
    assertEquals(Optional.empty(), call.weight());
    assertEquals(
        List.of(
            Map.of("type", "function", "function", Map.of("name", "f", "parameters", Map.of()))),
        chat.tools());
    assertEquals(Map.of("enable_thinking", false), chat.variables());
  }

  @Test
  void readsShareGpt() throws IOException {
    Conversation chat =
        chat(
            """
            {"conversations": [
              {"from": "human", "value": "What is the time?"},
              {"from": "function_call", "value": "{\\"name\\": \\"clock\\", \\"arguments\\": {\\"zone\\": \\"UTC\\"}}"},
              {"from": "observation", "value": "noon"},
              {"from": "gpt", "value": "It is noon."}],
             "system": "Be short.",
             "tools": "[{\\"name\\": \\"clock\\", \\"parameters\\": {}}]"}
            """);
    assertEquals("system, user, assistant, tool, assistant", chat.roles());
    assertEquals(
        List.of(new ToolCall(Optional.empty(), "clock", Map.of("zone", "UTC"))),
        chat.messages().get(2).toolCalls());
    assertEquals(
        List.of(
            Map.of(
                "type", "function", "function", Map.of("name", "clock", "parameters", Map.of()))),
        chat.tools());
    Conversation mixed =
        chat(
            """
            {"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "tools": ""}
            """);
    assertEquals("user, assistant", mixed.roles());
    assertEquals(List.of(), mixed.tools());
  }

  @Test
  void readsTurnsOfInstructions() throws IOException {
    Conversation chat =
        chat(
            """
            {"instruction": "And 2 + 2?", "input": "quick", "output": "4", "system": "Count.",
             "history": [["What is 1 + 1?", "2"]]}
            """);
    assertEquals("system, user, assistant, user, assistant", chat.roles());
    assertEquals("And 2 + 2?\nquick", chat.messages().get(3).text());
    assertInstanceOf(
        Example.Completion.class,
        content("{\"instruction\": \"a\", \"output\": \"b\", \"system\": \"\", \"history\": []}"));
  }

  @Test
  void readsPromptsOfMessages() throws IOException {
    Conversation chat =
        chat(
            """
            {"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                        {"role": "user", "content": "c"}],
             "completion": [{"role": "assistant", "content": "d"}]}
            """);
    assertEquals(Optional.of(0.0), chat.messages().get(1).weight());
    assertEquals(Optional.empty(), chat.messages().get(3).weight());
  }

  @Test
  void readsPreferencePairs() throws IOException {
    assertEquals(
        new Example.Preference(new Example.Completion("a", "b"), new Example.Completion("a", "c")),
        content("{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}"));
    for (String pair :
        List.of(
            """
            {"prompt": "a", "chosen": [{"role": "assistant", "content": "b"}],
             "rejected": [{"role": "assistant", "content": "c"}]}
            """,
            """
            {"prompt": [{"role": "user", "content": "a"}],
             "chosen": [{"role": "assistant", "content": "b"}],
             "rejected": [{"role": "assistant", "content": "c"}]}
            """,
            """
            {"prompt": "a",
             "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
             "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]}
            """,
            """
            {"conversations": [{"from": "human", "value": "a"}],
             "chosen": {"from": "gpt", "value": "b"}, "rejected": {"from": "gpt", "value": "c"}}
            """)) {
      Example.Preference read = (Example.Preference) content(pair);
      Conversation chosen = ((Example.Chat) read.chosen()).conversation();
      Conversation rejected = ((Example.Chat) read.rejected()).conversation();
      assertEquals("user, assistant", chosen.roles(), pair);
      assertEquals("a", rejected.messages().get(0).text());
      assertEquals("b", chosen.messages().get(1).text());
      assertEquals("c", rejected.messages().get(1).text());
      assertEquals(0, chosen.messages().get(0).weight().orElseThrow());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"role": "asistant", "content": "a"} | messages[1].role: unknown role 'asistant'; expected system, user, assistant or tool; did you mean 'assistant'?
          {"content": "a"} | messages[1].role is missing
          "hello" | messages[1] must be an object of role and content, found a string
          {"role": "assistant", "content": ""} | messages[1]: the assistant says nothing
          {"role": "assistant", "content": null} | messages[1].content must be a string or a list of text parts, found null
          {"role": "user", "content": [{"type": "image_url"}]} | messages[1].content has a part of type 'image_url'
          {"role": "user", "content": "b"} | 'messages' has no message of an assistant to learn
          {"role": "tool", "content": "b"} | messages[1]: a tool answers, but nothing was called before
          {"role": "assistant", "content": "a\\u0000"} | messages[1].content holds a NUL character
          {"role": "assistant", "content": "a", "weight": -0.5} | messages[1].weight must be a number from 0 to 100, found -0.5
          {"role": "user", "tool_calls": [{"name": "f", "arguments": {}}]} | messages[1]: only an assistant calls tools, not 'user'
          {"role": "assistant", "tool_calls": [{"arguments": {}}]} | messages[1].tool_calls[0].name is missing
          {"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{x"}]} | messages[1].tool_calls[0].arguments must be JSON
          {"role": "assistant", "tool_calls": [{"name": "f", "arguments": "[]"}]} | messages[1].tool_calls[0].arguments must be a JSON object, or one as text, found a list
          {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {}}]}, {"role": "user", "content": "b"} | messages[2]: 1 of the tool calls before it has no answer
          {"role": "assistant", "tool_calls": [{"id": "1", "name": "f", "arguments": {}}]}, {"role": "tool", "tool_call_id": "2", "content": "b"} | messages[2]: answers the tool call '2', which wasn't made; open: 1
          """)
  void saysWhatIsWrongWithAChat(String messages, String expected) throws IOException {
    String line = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, " + messages + "]}\n";
    Path file = Files.writeString(folder.resolve("bad.jsonl"), "\"good\"\n" + line);
    ExampleReader reader = new ExampleReader(false, events);
    reader.read(file, _ -> {});
    String message = assertThrows(InvalidInputException.class, reader::finish).getMessage();
    assertTrue(message.startsWith(file + ":2: " + expected), message);
  }

  private Conversation chat(String object) throws IOException {
    return ((Example.Chat) content(object)).conversation();
  }

  private Example.Content content(String object) throws IOException {
    Path file = Files.writeString(folder.resolve("data.json"), "[" + object + "]");
    List<Example> examples = new ArrayList<>();
    ExampleReader reader = new ExampleReader(false, events);
    reader.read(file, examples::add);
    reader.finish();
    assertEquals(1, examples.size());
    return examples.getFirst().content();
  }
}
