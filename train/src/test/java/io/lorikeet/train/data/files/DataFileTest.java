package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lorikeet.train.event.Events;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Data that comes through pipes, and files that change while they are read.
@Timeout(60)
class DataFileTest {
  @TempDir Path folder;
  private final Events events = new Events();

  @Test
  void aPipeIsReadOnce() throws Exception {
    byte[] lines = "{\"text\": \"a\"}\n{\"text\": \"b\"}\n".getBytes(StandardCharsets.UTF_8);
    byte[] table = "text\na\nb\n".getBytes(StandardCharsets.UTF_8);
    byte[] parquet = resource("chats.parquet");
    for (String name : List.of("lines", "table.csv", "chats.parquet")) {
      byte[] bytes = name.equals("lines") ? lines : name.equals("table.csv") ? table : parquet;
      Path pipe = folder.resolve(name);
      assumeTrue(
          new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor() == 0, "no mkfifo here");
      Thread writer =
          Thread.startVirtualThread(
              () -> {
                try {
                  Files.write(pipe, bytes, StandardOpenOption.WRITE);
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      DataFile file = DataFiles.of(pipe.toString()).training().getFirst();
      assertTrue(file.isReadOnce());
      assertEquals(name.equals("chats.parquet") ? 10 : 2, read(file).size());
      writer.join();
    }
  }

  @Test
  void whatWasHashedIsRead() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 200_000; i++) { // several blocks
      lines.append("{\"text\": \"line ").append(i).append("\"}\n");
    }
    Path path = Files.writeString(folder.resolve("data.jsonl"), lines);
    DataFile file = DataFile.of(path).hashed();
    Files.writeString(path, "{\"text\": \"appended\"}\n", StandardOpenOption.APPEND);
    assertEquals(200_000, read(file).size());
    byte[] bytes = Files.readAllBytes(path);
    byte[] changed = bytes.clone();
    changed[changed.length - 100] ^= 1;
    for (byte[] other : List.of(changed, Arrays.copyOf(bytes, bytes.length / 2), new byte[0])) {
      Files.write(path, other);
      IOException e = assertThrows(IOException.class, () -> read(file));
      assertTrue(e.getMessage().startsWith(path + " changed while it was read"), e.getMessage());
    }
    Path table = Files.write(folder.resolve("chats.parquet"), resource("chats.parquet"));
    DataFile hashed = DataFile.of(table).hashed();
    assertEquals(10, read(hashed).size());
    byte[] rows = Files.readAllBytes(table);
    rows[200] ^= 1;
    Files.write(table, rows);
    assertThrows(IOException.class, () -> read(hashed));
  }

  private byte[] resource(String name) throws IOException {
    try (InputStream input = getClass().getResourceAsStream(name)) {
      return input.readAllBytes();
    }
  }

  private List<Example> read(DataFile file) throws IOException {
    List<Example> examples = new ArrayList<>();
    ExampleReader reader = new ExampleReader(false, events);
    reader.read(file, Optional.empty(), examples::add);
    reader.finish();
    return examples;
  }
}
