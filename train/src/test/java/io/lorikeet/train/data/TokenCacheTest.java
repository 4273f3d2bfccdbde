package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.DataFile;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class TokenCacheTest {
  @TempDir Path folder;
  private final Events events = new Events();
  private Path data;
  private Path kept;

  @BeforeEach
  void writeExamples() throws IOException {
    data = folder.resolve("data.jsonl");
    kept = folder.resolve("cache");
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      lines.append("{\"question\": \"%d + 1?\", \"answer\": \"%d\"}\n".formatted(i, i + 1));
    }
    Files.writeString(data, lines.append("\"unspelled ~\"\n"));
  }

  @Test
  void whatIsKeptIsTheSame() throws IOException {
    List<TokenizedExample> first = tokenize(0);
    List<String> said = List.copyOf(events.notes());
    assertEquals(1, files().size());
    events.clear();
    List<TokenizedExample> again = tokenize(0);
    assertSame(first, again);
    assertTrue(events.notes().getLast().contains("tokenized before"), events.notes()::toString);
    assertEquals(said, events.notes().subList(0, said.size()));
    assertEquals(301, first.size());
    assertSame(first, tokenize(TokenStoreWriter.SMALL));
  }

  @Test
  void littleIsNotKept() throws IOException {
    tokenize(TokenStoreWriter.SMALL);
    assertEquals(List.of(), files());
  }

  @Test
  void everythingThatDecidesTokensIsPartOfTheName() throws IOException {
    tokenize(0);
    assertEquals(1, files().size());
    tokenize(settings(32), 0, "vocabulary");
    assertEquals(2, files().size());
    tokenize(settings(64), 0, "another vocabulary");
    assertEquals(3, files().size());
    Files.writeString(data, "\"other\"\n");
    assertEquals(1, tokenize(0).size());
    assertEquals(4, files().size());
  }

  /// Damaged or broken off anywhere, a file is made again.
  @Test
  void whatIsDamagedIsMadeAgain() throws IOException {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    List<TokenizedExample> first = tokenize(0);
    Path file = files().getFirst();
    byte[] good = Files.readAllBytes(file);
    for (int round = 0; round < 40; round++) {
      byte[] bad = good.clone();
      if (round % 2 == 0) {
        bad[random.nextInt(bad.length)] ^= (byte) (1 + random.nextInt(255));
      } else {
        bad = Arrays.copyOf(bad, random.nextInt(bad.length));
      }
      Files.write(file, bad);
      events.clear();
      assertSame(first, tokenize(0));
      assertTrue(events.warnings().getFirst().contains("is damaged"), "seed " + seed);
      assertArrayEquals(good, Files.readAllBytes(file));
    }
  }

  /// Nothing lies in the folder under a final name before all is tokenized, and nothing at all
  /// after a failure.
  @Test
  void whatIsNotFinishedLeavesNothing() throws IOException {
    Files.writeString(data, Files.readString(data) + "{\n");
    assertThrows(InvalidInputException.class, () -> tokenize(0));
    assertEquals(List.of(), files());
    Files.writeString(data, "\"" + "text ".repeat(50) + "\"\n");
    try (TokenStoreWriter writer = new TokenStoreWriter(kept.resolve("a.tokens"), false, 0)) {
      writer.add(new TokenizedExample(new int[20], 1, "f", 1), 0, 20, Fingerprint.of("some text"));
      assertEquals(1, files().size());
      assertTrue(files().getFirst().getFileName().toString().endsWith(".tmp"));
    }
    assertEquals(List.of(), files());
  }

  /// Tokens of bytes that only were there while they were tokenized must not be found under the
  /// name of others.
  @Test
  void whatChangesWhileItIsTokenizedIsNotKept() throws IOException {
    String line = "{\"question\": \"what is %d?\", \"answer\": \"%s\"}\n";
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 100_000; i++) {
      lines.append(line.formatted(i, "right"));
    }
    String right = lines.toString();
    Files.writeString(data, right);
    AtomicBoolean first = new AtomicBoolean(true);
    TextEncoding bytes = TestEncodings.bytes("vocabulary");
    TextEncoding changing =
        new TextEncoding(
            text -> {
              if (first.getAndSet(false)) {
                write(right.replace("right", "wrong"));
              }
              return bytes.encode().apply(text);
            },
            bytes.begin(),
            bytes.after(),
            bytes.end(),
            bytes.unknown(),
            bytes.identity(),
            bytes.ends(),
            bytes.piece(),
            bytes.controlTokens(),
            bytes.chats());
    TokenCache cache = new TokenCache(settings(64), changing, 0);
    first.set(true);
    IOException e =
        assertThrows(
            IOException.class,
            () -> cache.get(DataSource.of(data), List.of(DataFile.of(data)), events));
    assertTrue(e.getMessage().startsWith(data + " changed while it was read"), e.getMessage());
    assertEquals(List.of(), files());
    write(right);
    int[] last = tokenize(0).getLast().tokens();
    assertArrayEquals(
        bytes.encode().apply("right"), Arrays.copyOfRange(last, last.length - 6, last.length - 1));
  }

  private void write(String text) {
    try {
      Files.writeString(data, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A killed process can't; another that runs must not be disturbed.
  @Test
  void whatWasLeftHalfWrittenLongAgoIsDeleted() throws IOException {
    Files.createDirectories(kept);
    Path old = Files.createFile(kept.resolve(".a.tokens.1.0123abcd.tmp"));
    Path fresh = Files.createFile(kept.resolve(".b.tokens.1.0123abcd.tmp"));
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
    tokenize(0);
    assertFalse(Files.exists(old));
    assertTrue(Files.exists(fresh));
  }

  private DataSettings settings(int context) {
    TrainingOptions options =
        new TrainingOptions()
            .model(data)
            .data(data)
            .set(Settings.CONTEXT, context)
            .set(Settings.TRAIN_ON, TrainingConfig.TrainOn.COMPLETION)
            .set(Settings.THREADS, 2)
            .set(Settings.CACHE, kept);
    return new DataSettings(options.resolveData(_ -> context), 0);
  }

  private List<TokenizedExample> tokenize(int small) throws IOException {
    return tokenize(settings(64), small, "vocabulary");
  }

  private List<TokenizedExample> tokenize(DataSettings settings, int small, String identity)
      throws IOException {
    TextEncoding encoding = TestEncodings.bytes(identity);
    TokenCache cache = new TokenCache(settings, encoding, small);
    List<TokenizedExample> examples = new ArrayList<>();
    try (TokenStore store = cache.get(DataSource.of(data), List.of(DataFile.of(data)), events)) {
      for (int i = 0; i < store.size(); i++) {
        examples.add(store.get(i));
      }
    }
    return examples;
  }

  private List<Path> files() throws IOException {
    Files.createDirectories(kept);
    try (Stream<Path> all = Files.list(kept)) {
      return all.sorted().toList();
    }
  }

  private static void assertSame(List<TokenizedExample> expected, List<TokenizedExample> found) {
    assertEquals(expected.size(), found.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i).tokens(), found.get(i).tokens());
      assertArrayEquals(expected.get(i).weights(), found.get(i).weights());
      assertEquals(expected.get(i).source(), found.get(i).source());
      assertEquals(expected.get(i).line(), found.get(i).line());
    }
  }
}
