package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Tables, packed files, texts, folders, patterns and standard input.
class FileKindsTest {
  @TempDir Path folder;
  private final Events events = new Events();

  @Test
  void readsTables() throws IOException {
    String csv =
        """
        question,answer,"a ""note"" b"
        "What is
        1, 1 + 1?",2,
        Why?,"So, ""that"".",x
        """;
    List<Example> examples = read("data.csv", csv);
    assertEquals(
        List.of(
            new Example.Completion("Question: What is\n1, 1 + 1?\nAnswer:", " 2"),
            new Example.Completion("Question: Why?\nAnswer:", " So, \"that\".")),
        contents(examples));
    assertEquals(List.of(2, 4), examples.stream().map(Example::line).toList());
    assertEquals(
        List.of(new Example.Completion("a, b", "c")),
        contents(read("data.tsv", "prompt\tcompletion\na, b\tc\n")));
    assertEquals(
        List.of(new Example.Completion("a, b", "c")),
        contents(read("semicolon.csv", "\uFEFFprompt;completion\r\na, b;c\r\n")));
    assertEquals(
        "user, assistant",
        ((Example.Chat)
                read(
                        "chats.csv",
                        "messages\n\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"a\"\"},"
                            + "{\"\"role\"\": \"\"assistant\"\", \"\"content\"\": \"\"b\"\"}]\"\n")
                    .getFirst()
                    .content())
            .conversation()
            .roles());
  }

  @Test
  void saysWhatIsWrongInATable() {
    assertTrue(
        failure("data.csv", "text,b\na,b,c\nd,e\n")
            .contains("data.csv:2: expected 2 columns (text, b), found 3"));
    assertTrue(
        failure("data.csv", "text,text\na,b\n")
            .contains("several columns have the same name: text"));
    assertTrue(failure("data.csv", "text\n\"a\n").contains("can't be read on from here"));
    assertTrue(failure("data.csv", "text\n").contains("the file holds no examples"));
    assertTrue(failure("data.csv", "text\na\0b\n").contains("data.csv:2: a NUL byte"));
    byte[] latin = "text\na\ncaf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1);
    assertTrue(failure("data.csv", latin).contains("data.csv:3: isn't text in UTF-8"));
  }

  @Test
  void readsColumnsUnderOtherNames() throws IOException {
    Path file = Files.writeString(folder.resolve("data.csv"), "q,reply\na,b\n");
    List<Example> examples = new ArrayList<>();
    Map<String, String> columns = Map.of("prompt", "q", "completion", "reply");
    ExampleReader reader = new ExampleReader(columns, false, events);
    reader.read(file, examples::add);
    reader.finish();
    assertEquals(List.of(new Example.Completion("a", "b")), contents(examples));
    ExampleReader other = new ExampleReader(Map.of("text", "body"), false, events);
    other.read(file, examples::add);
    String message = assertThrows(InvalidInputException.class, other::finish).getMessage();
    assertTrue(message.contains("'body', which --columns names for 'text', is missing"), message);
  }

  @Test
  void aLayoutCanBeChosen() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("data.jsonl"),
            "{\"text\": \"a\", \"prompt\": \"b\", \"completion\": \"c\"}\n{\"prompt\": \"b\"}\n");
    List<Example> examples = new ArrayList<>();
    ExampleReader reader = new ExampleReader(true, events);
    reader.read(DataFile.of(file), Optional.of(ExampleFormat.TEXT), examples::add);
    reader.finish();
    assertEquals(List.of(new Example.PlainText("a")), contents(examples));
    assertTrue(events.warnings().getFirst().contains("'text' is missing (found: prompt)"));
  }

  @Test
  void unpacksWhatIsPacked() throws IOException {
    byte[] lines = "{\"text\": \"a\"}\n{\"text\": \"b\"}\n".getBytes(StandardCharsets.UTF_8);
    List<Example.Content> both = List.of(new Example.PlainText("a"), new Example.PlainText("b"));
    assertEquals(both, contents(read("data.jsonl.gz", gzip(lines))));
    assertEquals(both, contents(read("data.jsonl.zst", Zstd.compress(lines))));
    byte[] table = "text\na\nb\n".getBytes(StandardCharsets.UTF_8);
    assertEquals(both, contents(read("data.csv.gz", gzip(table))));
    // The packing of a file is recognized by its bytes.
    assertEquals(both, contents(read("data.jsonl", Zstd.compress(lines))));
  }

  @Test
  void tellsWhatIsDamaged() throws IOException {
    byte[] random = new byte[100_000];
    new Random(3).nextBytes(random);
    String text = "{\"text\": \"" + Arrays.toString(random) + "\"}\n";
    byte[] lines = text.getBytes(StandardCharsets.UTF_8);
    for (byte[] packed : List.of(gzip(lines), Zstd.compress(lines))) {
      byte[] cut = Arrays.copyOf(packed, packed.length / 2);
      assertTrue(failure("data.jsonl.gz", cut).contains("can't be unpacked: it breaks off"));
      byte[] changed = packed.clone();
      for (int i = 0; i < 20; i++) {
        changed[packed.length / 2 + i] ^= 0x55;
      }
      String message = failure("data.jsonl.gz", changed);
      assertTrue(message.contains("data.jsonl.gz"), message);
    }
  }

  @Test
  void dividesLongTextsAtLineEnds() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int line = 1; line < 500; line++) {
      text.append("line ").append(line).append(line % 7 == 0 ? "\n\n \n" : "\n");
    }
    Path file = Files.writeString(folder.resolve("book.md"), text);
    List<String> blocks = new ArrayList<>();
    List<Integer> lines = new ArrayList<>();
    List<Boolean> ends = new ArrayList<>();
    try (DataStream stream = DataStream.open(DataFile.of(file).open())) {
      new TextBlocks(stream, () -> {}, 100)
          .read(
              (block, line, end) -> {
                blocks.add(block);
                lines.add(line);
                ends.add(end);
              });
    }
    assertEquals(text.toString(), String.join("", blocks));
    assertTrue(blocks.size() > 20);
    for (int i = 0; i < blocks.size(); i++) {
      String before = String.join("", blocks.subList(0, i));
      assertEquals(1 + before.chars().filter(next -> next == '\n').count(), (long) lines.get(i));
      assertEquals(i == blocks.size() - 1, ends.get(i));
      assertTrue(i == 0 || before.endsWith("\n") && !blocks.get(i).isBlank());
    }
  }

  @Test
  void findsTheFilesOfAFolder() throws IOException {
    for (String name :
        List.of("train.jsonl", "valid.jsonl", "test.jsonl", "README.md", ".hidden.jsonl")) {
      Files.writeString(folder.resolve(name), "{\"text\": \"a\"}\n");
    }
    DataFiles files = DataFiles.of(folder.toString());
    assertEquals(List.of(folder.resolve("train.jsonl")), paths(files.training()));
    assertEquals(List.of(folder.resolve("valid.jsonl")), paths(files.validation()));
    assertEquals(
        List.of(folder.resolve("README.md"), folder.resolve("test.jsonl")), files.leftOut());
    Path texts = Files.createDirectories(folder.resolve("texts/deep"));
    Files.writeString(texts.resolve("b.txt"), "b");
    Files.writeString(texts.resolve("a.md"), "a");
    assertEquals(
        List.of(texts.resolve("a.md"), texts.resolve("b.txt")),
        paths(DataFiles.of(texts.getParent().toString()).training()));
  }

  /// As data sets are stored: their card lies above them.
  @Test
  void textsAboveRecordsAreAboutThem() throws IOException {
    Path data = Files.createDirectory(folder.resolve("data"));
    Files.writeString(folder.resolve("README.md"), "card");
    Files.writeString(data.resolve("train-00000-of-00001.jsonl"), "{\"text\": \"a\"}\n");
    DataFiles files = DataFiles.of(folder.toString());
    assertEquals(List.of(data.resolve("train-00000-of-00001.jsonl")), paths(files.training()));
    assertEquals(List.of(folder.resolve("README.md")), files.leftOut());
  }

  @Test
  void findsTheFilesOfAPattern() throws IOException {
    Path deep = Files.createDirectories(folder.resolve("a/b"));
    Files.writeString(deep.resolve("2.jsonl"), "");
    Files.writeString(deep.resolve("1.jsonl"), "");
    Files.writeString(deep.resolve("1.txt"), "");
    List<Path> both = List.of(deep.resolve("1.jsonl"), deep.resolve("2.jsonl"));
    assertEquals(both, paths(DataFiles.of(deep + "/*.jsonl").training()));
    assertEquals(both, paths(DataFiles.of(folder + "/**.jsonl").training()));
    assertEquals(both, paths(DataFiles.of(folder + "/a/?/{1,2}.jsonl").training()));
    String message =
        assertThrows(IllegalArgumentException.class, () -> DataFiles.of(folder + "/*.jsonl"))
            .getMessage();
    assertEquals("no file matches " + folder + "/*.jsonl", message);
  }

  @Test
  void readsStandardInput() throws IOException {
    InputStream before = System.in;
    try {
      System.setIn(
          new ByteArrayInputStream("{\"text\": \"a\"}\n{\n".getBytes(StandardCharsets.UTF_8)));
      DataFile input = DataFiles.of("-").training().getFirst();
      List<Example> examples = new ArrayList<>();
      ExampleReader reader = new ExampleReader(true, events);
      reader.read(input, Optional.empty(), examples::add);
      reader.finish();
      assertEquals(List.of(new Example.PlainText("a")), contents(examples));
      assertTrue(events.warnings().getFirst().contains("standard input:2: expected a JSON"));
    } finally {
      System.setIn(before);
    }
  }

  /// Reading any table or packed file ends with examples or with a message.
  @Test
  void survivesAnyBytes() throws IOException {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    System.out.println("FileKindsTest seed " + seed);
    byte[] csv =
        "prompt,completion\n\"a\nb\",\"c\"\"d\"\ne,\u00e9\n".getBytes(StandardCharsets.UTF_8);
    List<byte[]> good = List.of(csv, gzip(csv), Zstd.compress(csv));
    for (int round = 0; round < 600; round++) {
      byte[] bytes = good.get(round % 3).clone();
      for (int change = random.nextInt(4); change >= 0; change--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length) + 1);
      try {
        read("data.csv", bytes);
      } catch (InvalidInputException e) {
        assertTrue(e.getMessage().contains("data.csv"), "seed " + seed + ": " + e.getMessage());
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + seed + ", round " + round, e);
      }
    }
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream output = new GZIPOutputStream(packed)) {
      output.write(bytes);
    }
    return packed.toByteArray();
  }

  private static List<Path> paths(List<DataFile> files) {
    return files.stream().map(DataFile::path).toList();
  }

  private static List<Example.Content> contents(List<Example> examples) {
    return examples.stream().map(Example::content).toList();
  }

  private List<Example> read(String name, String content) throws IOException {
    return read(name, content.getBytes(StandardCharsets.UTF_8));
  }

  private List<Example> read(String name, byte[] content) throws IOException {
    Path file = Files.write(folder.resolve(name), content);
    List<Example> examples = new ArrayList<>();
    ExampleReader reader = new ExampleReader(false, events);
    reader.read(file, examples::add);
    reader.finish();
    return examples;
  }

  private String failure(String name, String content) {
    return failure(name, content.getBytes(StandardCharsets.UTF_8));
  }

  private String failure(String name, byte[] content) {
    return assertThrows(InvalidInputException.class, () -> read(name, content)).getMessage();
  }
}
