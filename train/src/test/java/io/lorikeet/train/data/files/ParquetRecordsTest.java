package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Files that pyarrow wrote, see parquet.py beside them.
class ParquetRecordsTest {
  @TempDir Path folder;
  private final Events events = new Events();

  @Test
  void readsNestedMessages() throws IOException {
    List<Example> examples = read(copy("chats.parquet"), false);
    assertEquals(10, examples.size());
    Example.Chat third = (Example.Chat) examples.get(3).content();
    assertEquals("user, assistant", third.conversation().roles());
    assertEquals("It is 6. \u00e9\ud83e\udd9c", third.conversation().messages().get(1).text());
    assertEquals(4, examples.get(3).line());
    assertTrue(events.notes().getFirst().endsWith("10 examples of messages; not used: id"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "gzip", "zstd", "snappy"})
  void readsEachCompression(String codec) throws IOException {
    Path file = copy("pairs-" + codec + ".parquet");
    String message =
        assertThrows(InvalidInputException.class, () -> read(file, false)).getMessage();
    assertTrue(message.startsWith(file + ":18: 'answer' is missing"), message);
    List<Example> examples = read(file, true);
    assertEquals(49, examples.size());
    assertEquals(
        new Example.Completion("Question: 49 + 1?\nAnswer:", " 50"), examples.getLast().content());
  }

  @Test
  void otherCompressionsAreNamed() throws IOException {
    Path file = copy("pairs-lz4.parquet");
    String message =
        assertThrows(InvalidInputException.class, () -> read(file, false)).getMessage();
    assertEquals(
        file
            + ": the column 'question' is packed by LZ4_RAW; write the file again with Zstandard,"
            + " Snappy or gzip",
        message);
  }

  /// Text that isn't UTF-8 is refused, and not learned as U+FFFD.
  @Test
  void textsAreUtf8() throws IOException {
    Path file = copy("malformed.parquet");
    String message =
        assertThrows(InvalidInputException.class, () -> read(file, false)).getMessage();
    for (int row : new int[] {2, 3}) {
      assertTrue(
          message.contains(
              file + ":" + row + ": 'text' must be a string, found bytes that aren't text"),
          message);
    }
    assertEquals(1, read(file, true).size());
    Path lists = copy("malformed-lists.parquet");
    message = assertThrows(InvalidInputException.class, () -> read(lists, false)).getMessage();
    assertTrue(message.contains(lists + ":2: prompt[0] must be an object"), message);
    assertTrue(message.contains("found bytes that aren't text"), message);
  }

  @Test
  void needsNoEnding() throws IOException {
    Path file = Files.copy(copy("chats.parquet"), folder.resolve("chats"));
    assertEquals(10, read(file, false).size());
  }

  /// Wherever a file is cut off, reading ends with a message that names it. (Damage within is said,
  /// too, but some of it only after a minute.)
  @Test
  void tellsWhereItBreaksOff() throws IOException {
    for (String name : List.of("chats.parquet", "pairs-zstd.parquet")) {
      byte[] good = Files.readAllBytes(copy(name));
      for (int length : new int[] {0, 3, 4, 11, 12, 500, good.length / 2, good.length - 1}) {
        Path file = folder.resolve("bad.parquet");
        Files.write(file, Arrays.copyOf(good, length));
        InvalidInputException e =
            assertThrows(InvalidInputException.class, () -> read(file, true), name + length);
        assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
      }
    }
  }

  @Test
  void tellsWhichRowGroupIsDamaged() throws IOException {
    byte[] bytes = Files.readAllBytes(copy("pairs-zstd.parquet"));
    for (int i = bytes.length / 2; i < bytes.length / 2 + 60; i++) {
      bytes[i] = 0;
    }
    Path file = Files.write(folder.resolve("bad.parquet"), bytes);
    String message = assertThrows(InvalidInputException.class, () -> read(file, true)).getMessage();
    assertTrue(message.contains("row group") && message.contains(file.toString()), message);
  }

  private Path copy(String name) throws IOException {
    Path file = folder.resolve(name);
    try (InputStream input = getClass().getResourceAsStream(name)) {
      Files.write(file, input.readAllBytes());
    }
    return file;
  }

  private List<Example> read(Path file, boolean skip) throws IOException {
    List<Example> examples = new ArrayList<>();
    ExampleReader reader = new ExampleReader(skip, events);
    reader.read(file, examples::add);
    reader.finish();
    return examples;
  }
}
