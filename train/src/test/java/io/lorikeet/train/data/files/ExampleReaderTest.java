package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.event.TrainingEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExampleReaderTest {
  @TempDir Path folder;
  private final Events events = new Events();

  @Test
  void readsEachLayout() throws IOException {
    List<Example> examples =
        read(
            """
            {"text": "all of it"}
            {"prompt": "2+2=", "completion": "4"}

            {"instruction": "Say hi", "input": null, "output": "hi"}
            {"instruction": "Add", "input": "1 2", "output": "3"}
            {"question": "Why?", "answer": "So.", "id": 7}
            "just a string"
            """);
    assertEquals(6, examples.size());
    assertEquals(new Example.PlainText("all of it"), examples.get(0).content());
    assertEquals(new Example.Completion("2+2=", "4"), examples.get(1).content());
    assertEquals(4, examples.get(2).line());
    assertEquals(
        "Below is an instruction that describes a task. Write a response that appropriately"
            + " completes the request.\n\n"
            + "### Instruction:\n"
            + "Say hi\n\n"
            + "### Response:\n",
        completion(examples.get(2)).prompt());
    assertEquals(
        "Below is an instruction that describes a task, paired with an input that provides further"
            + " context. Write a response that appropriately completes the request.\n\n"
            + "### Instruction:\n"
            + "Add\n\n"
            + "### Input:\n"
            + "1 2\n\n"
            + "### Response:\n",
        completion(examples.get(3)).prompt());
    assertEquals(
        new Example.Completion("Question: Why?\nAnswer:", " So."), examples.get(4).content());
    assertEquals(new Example.PlainText("just a string"), examples.get(5).content());
    String said = events.notes().getFirst();
    assertTrue(
        said.contains("1 example of prompt and completion, 2 examples of instruction and output"),
        said);
    assertTrue(said.endsWith("2 examples of text; not used: id"), said);
  }

  @Test
  void readsAnArrayWithTheLineOfEachElement() throws IOException {
    List<Example> examples = read("\uFEFF[\n  \"one\",\n\n  {\"text\": \"two\"}\n]\n");
    assertEquals(
        List.of("one", "two"),
        examples.stream().map(example -> example.content().words()).toList());
    assertEquals(List.of(2, 4), examples.stream().map(Example::line).toList());
  }

  @Test
  void readsTextFilesAsOneDocument() throws IOException {
    Path file = folder.resolve("book.TXT");
    Files.writeString(file, "\uFEFF[not json]\n\nSecond paragraph.\n");
    Example book = readFile(file, false).getFirst();
    assertEquals(new Example.Document("[not json]\n\nSecond paragraph.\n", true), book.content());
  }

  @Test
  void readsWindowsLinesAndAByteOrderMark() throws IOException {
    assertEquals(2, read("\uFEFF{\"text\": \"a\"}\r\n\r\n{\"text\": \"b\"}").size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"prompt": "a", "completions": "b"} | 'completion' is missing (found: prompt, completions); is 'completions'
          {"question": "a"}                   | 'answer' is missing (found: question)
          {"txt": "a"}                        | is 'txt' meant to be 'text'?
          {"messages": []}                    | 'messages' is empty
          {"chosen": "a"}                     | 'rejected' is missing
          {"text": 3}                         | 'text' must be a string, found a number
          {"text": null}                      | null under every key (text); expected messages
          {"text": " "}                       | 'text' is empty
          {"prompt": "a", "completion": ""}   | 'completion' is empty
          {"text": "a\\u0000b"}               | 'text' holds a NUL character
          {"text": "a\\ud83d b"}              | half of a surrogate pair, \\ud83d
          {"text": "a", "text": "b"}          | at column 21, key 'text': the key stands twice in its object
          {"text": "a"} {"text": "b"}         | expected a JSON object on one line
          {"text": "a                         | expected a JSON object on one line
          {"text": "a"                        | expected a JSON object on one line
          {}                                  | an object without keys
          [1]                                 | expected a JSON object or a string, found a list
          17                                  | expected a JSON object or a string, found a number
          <!DOCTYPE html>                     | expected a JSON object on one line; at column 1
          """,
      quoteCharacter = '`')
  void saysWhatIsWrongAndWhere(String line, String expected) throws IOException {
    String message = failure("{\"text\": \"good\"}\n" + line + "\n");
    assertTrue(message.contains("data.jsonl:2: "), message);
    assertTrue(message.contains(expected), message);
    assertFalse(message.contains("Source"), message); // the library's words on where it read
  }

  @Test
  void tellsWhatIsNoText() throws IOException {
    assertEquals(folder.resolve("data.jsonl") + ": the file is empty", failure(""));
    assertTrue(failure("\n \n").endsWith("the file holds no examples"));
    assertTrue(failure("[]").endsWith("the file holds no examples"));
    assertTrue(
        failure(new byte[] {0x1F, (byte) 0x8B, 8, 0}).contains(": can't be unpacked: it breaks"));
    assertTrue(failure("PK\3\4").endsWith("is a zip archive; unpack it first"));
    byte[] utf16 = "\uFEFF{\"text\": \"a\"}".getBytes(StandardCharsets.UTF_16LE);
    assertTrue(failure(utf16).endsWith("is text in UTF-16; save it as UTF-8"));
    byte[] latin =
        "{\"text\": \"good\"}\n{\"text\": \"caf\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1);
    String message = failure(latin);
    assertTrue(message.contains("data.jsonl:2: ") && message.contains("UTF-8"), message);
    message = failure("{\"text\": \"a\"}\n\0\0\0\n");
    assertTrue(message.contains("data.jsonl:2: a NUL byte"), message);
  }

  @Test
  void tellsWhereATextFileIsNoText() throws IOException {
    Path file = folder.resolve("book.txt");
    Files.write(file, new byte[] {'a', '\n', 'b', (byte) 0xFF});
    String message =
        assertThrows(InvalidInputException.class, () -> readFile(file, true)).getMessage();
    assertEquals(file + ":2: isn't text in UTF-8", message);
  }

  @Test
  void tellsWhereAnArrayBreaksOff() throws IOException {
    String message = failure("[\n\"a\",\n\"b\"\n");
    assertTrue(
        message.contains("the JSON can't be read on from here, at column 1: it breaks off"),
        message);
    assertTrue(failure("[\"a\"]\nb\n").contains(":2: the JSON can't be read on from here"));
    assertTrue(failure("[\"a\", \"b\", 3]").contains("data.jsonl:1: element 3: expected"));
    message = failure("[\"a\",\n3]");
    assertTrue(message.contains("data.jsonl:2: expected a JSON object or a string"), message);
  }

  @Test
  void showsTwentyProblemsAndCountsTheRest() throws IOException {
    String message = failure("{\"text\": 1}\n".repeat(1025));
    assertEquals(22, message.lines().count());
    assertTrue(
        message.contains("data.jsonl:20: ") && !message.contains("data.jsonl:21: "), message);
    assertTrue(message.contains("… and 1,005 more"), message);
    assertTrue(message.contains("1,025 bad lines"), message);
  }

  @Test
  void skipsBadLinesAloud() throws IOException {
    Path file = folder.resolve("data.jsonl");
    Files.writeString(file, "{\"text\": \"a\"}\n{\n{\"text\": \"b\"}\n");
    assertEquals(2, readFile(file, true).size());
    assertTrue(
        events.warnings().getFirst().startsWith("1 bad line of data skipped:\n" + file + ":2: "));
  }

  @Test
  void refusesALineWithoutEnd() throws IOException {
    Path file = folder.resolve("data.jsonl");
    try (var output = Files.newOutputStream(file)) {
      byte[] much = new byte[1 << 20];
      Arrays.fill(much, (byte) 'x');
      for (int i = 0; i <= ByteLines.LONGEST >> 20; i++) {
        output.write(much);
      }
      output.write("\n{\"text\": \"after\"}\n".getBytes(StandardCharsets.UTF_8));
    }
    assertEquals(List.of(2), readFile(file, true).stream().map(Example::line).toList());
    assertTrue(events.warnings().getFirst().contains(":1: the line is longer than 64 MiB"));
  }

  @Test
  void otherKindsOfFilesAreRefusedAtOnce() throws IOException {
    Path file = Files.writeString(folder.resolve("data.XLSX"), "a,b\n".repeat(100));
    String message =
        assertThrows(InvalidInputException.class, () -> readFile(file, true)).getMessage();
    assertEquals(
        file + ": .xlsx files can't be read; give .jsonl, .json, .csv, .tsv, .parquet, .txt or .md",
        message);
  }

  @Test
  void tellsHowFarALargeFileIsRead() throws IOException {
    String element = "\"" + "text ".repeat(2000) + "\"";
    Path lines = folder.resolve("lines.jsonl");
    Path array = folder.resolve("array.json");
    Files.writeString(lines, (element + "\n").repeat(1000));
    Files.writeString(array, "[" + (element + ",\n").repeat(999) + element + "]");
    for (Path file : List.of(lines, array)) {
      List<TrainingEvent.Progress> progress = new ArrayList<>();
      ExampleReader reader =
          new ExampleReader(
              false,
              event -> {
                if (event instanceof TrainingEvent.Progress part) {
                  progress.add(part);
                }
              });
      reader.read(file, _ -> {});
      assertTrue(progress.size() >= 50 && progress.size() <= 101, progress::toString);
      assertEquals(Files.size(file), progress.getLast().total());
      assertTrue(progress.getLast().done() > Files.size(file) * 0.98, progress::toString);
    }
  }

  /// Reading any bytes ends with examples or with a message.
  @Test
  void survivesAnyBytes() throws IOException {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    byte[][] good = {
      "{\"text\": \"ab\\n\\u00e9\"}\n{\"prompt\": \"a\", \"completion\": \"b\"}\n"
          .getBytes(StandardCharsets.UTF_8),
      "[\n{\"question\": \"a\", \"answer\": \"b\"},\n\"text\"]".getBytes(StandardCharsets.UTF_8)
    };
    System.out.println("ExampleReaderTest seed " + seed);
    for (int round = 0; round < 600; round++) {
      byte[] bytes = good[round % 2].clone();
      for (int change = random.nextInt(4); change >= 0; change--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length) + 1);
      Path file = folder.resolve("data." + (round % 3 == 0 ? "txt" : "jsonl"));
      Files.write(file, bytes);
      try {
        for (Example example : readFile(file, round % 4 == 0)) {
          assertTrue(!example.content().words().isBlank(), "seed " + seed);
        }
      } catch (InvalidInputException e) {
        assertTrue(
            e.getMessage().contains(file.toString()), "seed " + seed + ": " + e.getMessage());
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ", round " + round, e);
      }
    }
  }

  private static Example.Completion completion(Example example) {
    return (Example.Completion) example.content();
  }

  private List<Example> read(String content) throws IOException {
    Path file = folder.resolve("data.jsonl");
    Files.writeString(file, content);
    return readFile(file, false);
  }

  private List<Example> readFile(Path file, boolean skip) throws IOException {
    List<Example> examples = new ArrayList<>();
    ExampleReader reader = new ExampleReader(skip, events);
    reader.read(file, examples::add);
    reader.finish();
    return examples;
  }

  private String failure(String content) throws IOException {
    return failure(content.getBytes(StandardCharsets.UTF_8));
  }

  private String failure(byte[] content) throws IOException {
    Path file = folder.resolve("data.jsonl");
    Files.write(file, content);
    return assertThrows(InvalidInputException.class, () -> readFile(file, false)).getMessage();
  }
}
