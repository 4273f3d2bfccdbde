package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.train.event.Events;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// JSON as programs write it: over several lines, with null, with what is no text.
class JsonTextTest {
  private static final String CHAT =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"},"
          + " {\"role\": \"assistant\", \"tool_calls\": [{\"name\": \"f\", \"arguments\": %s}]}]%s}\n";

  @TempDir Path folder;
  private ReadFiles files;

  @BeforeEach
  void prepare() {
    files = new ReadFiles(folder, new Events());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "  ", "\t"})
  void readsValuesOfSeveralLines(String indent) throws IOException {
    String one = "{\n#\"prompt\": \"a\",\n#\"completion\": \"b\\n\"\n}\n".replace("#", indent);
    String two =
        "{\n#\"messages\": [\n##{\"role\": \"user\", \"content\": \"a\"},\n##{\"role\": \"assistant\","
            + " \"content\": \"b\"}\n#]\n}";
    Example.Completion pair = new Example.Completion("a", "b\n");
    assertEquals(List.of(pair), files.contents("one.json", one));
    assertEquals(List.of(pair), files.contents("one.jsonl", "\n" + one));
    List<Example> several = files.read("several.jsonl", one + "\n" + two.replace("#", indent));
    assertEquals(List.of(1, 6), several.stream().map(Example::line).toList());
    assertEquals(List.of(pair, pair), files.contents("array.json", "[" + one + ",\n" + one + "]"));
    assertEquals(
        List.of(pair, pair), files.contents("arrays.json", "[" + one + "]\n[" + one + "]"));
  }

  @Test
  void readsWhatPrettyPrintersWrite() throws IOException {
    String pretty =
        new ObjectMapper()
            .writerWithDefaultPrettyPrinter()
            .writeValueAsString(Map.of("question", "é", "answer", "{\"x\": 1}\n"));
    assertEquals(
        List.of(new Example.Completion("Question: é\nAnswer:", " {\"x\": 1}\n")),
        files.contents("data.jsonl", pretty));
  }

  /// A mistake in a value of several lines is one complaint, not one for each of them.
  @Test
  void refusesSeveralLinesOnce() {
    String bad = "{\n  \"prompt\": \"a\"\n  \"completion\": \"b\",\n  \"id\": 1\n}\n";
    String message = files.refusal("data.jsonl", bad.repeat(5));
    assertEquals(1, message.lines().count(), message);
    assertTrue(message.contains("data.jsonl:3: the JSON can't be read on from here"), message);
    message = files.refusal("data.jsonl", "{\n  \"prompt\": 'a'\n}");
    assertEquals(1, message.lines().count(), message);
    for (String wrapped :
        List.of(
            "{\"data\": [{\"text\": \"a\"}, {\"text\": \"b\"}]}",
            "{\n\"v\": 1, \"data\": [\n{\"text\": \"a\"}\n]\n}")) {
      message = files.refusal("data.json", wrapped);
      assertEquals(2, message.lines().count(), message);
      assertTrue(
          message.contains("data.json:1: an object with a list under 'data', no example"), message);
    }
  }

  /// As tables without a name, pages that were saved, and texts are.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "prompt,completion\nab, c\n1,2\n",
        "<!DOCTYPE html>\n<html>\n{}\n</html>\n",
        "Once upon a time\nthere was a king.\n"
      })
  void whatIsNoJsonIsRefusedOnce(String content) {
    String message = files.refusal("data", content.repeat(100));
    assertEquals(1, message.lines().count(), message);
    assertTrue(message.contains("data:1: this isn't JSON: " + content.lines().findFirst().get()));
  }

  /// In a file of lines that begins with half a line, the others are good.
  @Test
  void onlyTheBrokenLineIsBad() throws IOException {
    for (String half : List.of("{\"text\": \"a", "{\"text\": \"a\"", "{\"text\": \"a\",")) {
      Path file =
          Files.writeString(
              folder.resolve("data.jsonl"), half + "\n{\"text\": \"b\"}\n{\"text\": \"c\"}\n");
      assertEquals(
          List.of(new Example.PlainText("b"), new Example.PlainText("c")),
          ReadFiles.contents(files.read(file, true)),
          half);
    }
  }

  @Test
  void nullIsNoValue() throws IOException {
    assertEquals(
        List.of(new Example.PlainText("hi"), new Example.Completion("a", "b")),
        files.contents(
            "data.jsonl",
            """
            {"text": "hi", "chosen": null, "rejected": null, "prompt": null, "messages": null}
            {"prompt": "a", "completion": "b", "messages": null, "conversations": null}
            """));
    String chat =
        """
        {"messages": [{"role": null, "from": "human", "value": "a", "content": null}, \
        {"role": "assistant", "content": "b", "tool_calls": null, "name": null, "weight": null}], \
        "tools": null, "chat_template_kwargs": null, "instruction": null, "output": null}
        """;
    Example.Chat read = (Example.Chat) files.read("data.jsonl", chat).getFirst().content();
    assertEquals("user, assistant", read.conversation().roles());
    assertTrue(
        files
            .refusal("data.jsonl", "{\"prompt\": \"a\", \"completion\": null}")
            .contains("'completion' is null"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"NaN", "Infinity", "-Infinity", "1e999"})
  void numbersThatJsonHasNotMatterOnlyWhereTheyAreUsed(String number) throws IOException {
    String line = "{\"prompt\": \"a\", \"completion\": \"b\", \"score\": %s}\n".formatted(number);
    assertEquals(List.of(new Example.Completion("a", "b")), files.contents("data.jsonl", line));
    assertEquals(1, files.read("data.json", "[" + line + "]").size());
    String object = "{\"x\": [" + number + "]}";
    assertTrue(
        files
            .refusal("data.jsonl", CHAT.formatted(object, ""))
            .contains(".arguments holds a number"));
    assertTrue(
        files
            .refusal("data.jsonl", CHAT.formatted(quoted(object), ""))
            .contains(".arguments holds a number"));
    for (String key : List.of("tools", "chat_template_kwargs")) {
      String value = key.equals("tools") ? "[" + object + "]" : object;
      for (String given : List.of(value, quoted(value))) {
        String message =
            files.refusal("data.jsonl", CHAT.formatted("{}", ", \"" + key + "\": " + given));
        assertTrue(message.contains("'" + key + "' holds a number"), message);
      }
    }
  }

  private static String quoted(String json) {
    return "\"" + json.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }

  /// No half of a surrogate pair and no NUL gets into a text, whatever it stands under: as a key, a
  /// value, within JSON within a string.
  @ParameterizedTest
  @ValueSource(strings = {"\\ud83d", "\\ude00", "\\u0000"})
  void whatIsNoCharacterIsRefusedEverywhere(String half) {
    for (String object :
        List.of(
            "{\"" + half + "\": 1}",
            "{\"x\": \"" + half + "\"}",
            "{\"x\": [{\"a" + half + "b\": {}}]}")) {
      for (String arguments : List.of(object, quoted(object))) {
        String message = files.refusal("data.jsonl", CHAT.formatted(arguments, ""));
        assertTrue(message.contains(":1: ") && message.contains(".arguments holds"), message);
      }
      for (String key : List.of("tools", "chat_template_kwargs")) {
        String value = key.equals("tools") ? "[" + object + "]" : object;
        for (String given : List.of(value, quoted(value))) {
          String message =
              files.refusal("data.jsonl", CHAT.formatted("{}", ", \"" + key + "\": " + given));
          assertTrue(message.contains("'" + key + "' holds"), message);
        }
      }
    }
  }

  /// Sequences of table 3-7 of the Unicode Standard that aren't UTF-8: halves of surrogate pairs,
  /// longer forms than needed, beyond Unicode.
  @ParameterizedTest
  @ValueSource(
      strings = {"EDA0BDEDB880", "C1A1", "C080", "E080AF", "F08080AF", "F4908080", "FF", "C3"})
  void whatIsNotUtf8IsRefused(String hex) throws IOException {
    byte[] bytes = HexFormat.of().parseHex(hex);
    String good = "{\"text\": \"good\"}\n";
    byte[] lines = joined(good + "{\"text\": \"", bytes, "\"}\n" + good);
    assertTrue(files.refusal("data.jsonl", lines).contains("data.jsonl:2: isn't text in UTF-8"));
    Path file = Files.write(folder.resolve("data.jsonl"), lines);
    assertEquals(2, files.read(file, true).size());
    assertTrue(
        files
            .refusal("data.json", joined("[\n\"a\",\n\"", bytes, "\"]"))
            .contains("data.json:3: isn't text in UTF-8"));
    assertTrue(
        files
            .refusal("data.json", joined("{\n\"text\":\n\"", bytes, "\"}"))
            .contains("isn't text in UTF-8"));
    assertTrue(
        files
            .refusal("data.jsonl", joined("{\"text\": \"a\", \"", bytes, "\": 1}"))
            .contains("isn't text in UTF-8"));
  }

  private static byte[] joined(String before, byte[] bytes, String after) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(before.getBytes(StandardCharsets.UTF_8));
    all.write(bytes);
    all.write(after.getBytes(StandardCharsets.UTF_8));
    return all.toByteArray();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"text": "a", "x": nope}              | key 'x': this isn't JSON, near …", "x": nope}
          {'text': 'a'}                         | this isn't JSON, near {'text': 'a'}
          {"text": "a",}                        | this isn't JSON, near
          {"text": "a\tb"}                      | key 'text': this isn't JSON
          {"text": 01}                          | key 'text': this isn't JSON
          {"text": "\\x"}                       | key 'text': this isn't JSON
          {"text": "a"} // so                   | this isn't JSON
          {"text": "a"},                        | this isn't JSON
          {"text": "a"}{"text": "b"}            | something follows it at column 14: {"text": "b"…
          {"text": "a", "x": {"b": 1, "b": 2}}  | key 'b': the key stands twice
          1,2                                   | this isn't JSON
          """,
      quoteCharacter = '`')
  void mistakesAreToldInOwnWords(String line, String expected) {
    String message = files.refusal("data.jsonl", "{\"text\": \"good\"}\n" + line + "\n");
    assertTrue(message.contains("data.jsonl:2: expected a JSON object on one line; "), message);
    assertTrue(message.contains(expected), message);
  }

  @Test
  void depthAndLengthHaveBounds() throws IOException {
    String deep = "[".repeat(100_000) + "]".repeat(100_000);
    String digits = "1".repeat(200_000);
    assertTrue(
        files
            .refusal("data.jsonl", "{\"text\": \"a\", \"x\": " + deep + "}")
            .contains("key 'x': nested deeper than 200 levels"));
    assertTrue(files.refusal("data.json", deep).contains("nested deeper than 200 levels"));
    assertTrue(
        files
            .refusal("data.jsonl", "{\"text\": \"a\", \"x\": " + digits + "}")
            .contains("key 'x': a number of over 1,000 digits"));
    String key = "k".repeat(100_000);
    assertEquals(1, files.read("data.jsonl", "{\"text\": \"a\", \"" + key + "\": 1}").size());
    String within = "[".repeat(190) + "]".repeat(190);
    assertEquals(1, files.read("data.jsonl", CHAT.formatted("{\"x\": " + within + "}", "")).size());
  }
}
