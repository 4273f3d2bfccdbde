package io.lorikeet.train.data.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import io.lorikeet.train.event.Events;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Packed files as their programs write them, and what is cut off or added.
class PackedFilesTest {
  private static final byte[] FIRST = "{\"text\": \"a\"}\n".getBytes(StandardCharsets.UTF_8);
  private static final byte[] SECOND = "{\"text\": \"b\"}\n".getBytes(StandardCharsets.UTF_8);
  private static final List<Example.Content> BOTH =
      List.of(new Example.PlainText("a"), new Example.PlainText("b"));

  @TempDir Path folder;
  private ReadFiles files;

  @BeforeEach
  void prepare() {
    files = new ReadFiles(folder, new Events());
  }

  @Test
  void readsSeveralMembersAndFrames() throws IOException {
    assertEquals(BOTH, read(gzip(FIRST), gzip(SECOND)));
    assertEquals(BOTH, read(gzip(FIRST), gzip(new byte[0]), gzip(SECOND), new byte[512]));
    assertEquals(BOTH, read(Zstd.compress(FIRST), Zstd.compress(SECOND)));
    assertEquals(
        BOTH,
        read(
            skippable(5), skippable(0), Zstd.compress(FIRST), skippable(3), Zstd.compress(SECOND)));
  }

  /// With everything that a header can have: extra data, a name, a comment, a checksum.
  @Test
  void readsEveryHeader() throws IOException {
    byte[] plain = gzip(SECOND);
    byte[] header =
        joined(
            new byte[] {0x1F, (byte) 0x8B, 8, 2 | 4 | 8 | 16, 1, 2, 3, 4, 0, 3, 2, 0, 'x', 'y'},
            "name\0comment\0".getBytes(StandardCharsets.UTF_8));
    CRC32 sum = new CRC32();
    sum.update(header);
    byte[] check = {(byte) sum.getValue(), (byte) (sum.getValue() >> 8)};
    byte[] rest = Arrays.copyOfRange(plain, 10, plain.length);
    assertEquals(BOTH, read(gzip(FIRST), header, check, rest));
  }

  /// As `zstd --long=31` writes what it reads from a pipe: a frame that says so much may be needed.
  @ParameterizedTest
  @ValueSource(ints = {27, 30, 31})
  void readsLongWindows(int window) throws IOException {
    byte[] header = {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD, 0, (byte) (window - 10 << 3)};
    byte[] lastBlock = {(byte) (SECOND.length << 3 | 1), 0, 0}; // as it is
    assertEquals(BOTH, read(Zstd.compress(FIRST), header, lastBlock, SECOND));
  }

  /// Wherever the second part is cut off, the file is refused: no line is lost without a word.
  @Test
  void whatIsCutOffIsRefused() throws IOException {
    for (byte[] part : List.of(gzip(SECOND), Zstd.compress(SECOND), joined(skippable(9)))) {
      byte[] first = part[0] == 0x1F ? gzip(FIRST) : Zstd.compress(FIRST);
      for (int length = 1; length < part.length; length++) {
        byte[] cut = joined(first, Arrays.copyOf(part, length));
        String message = files.refusal("data.jsonl", cut);
        assertTrue(message.contains("can't be unpacked"), length + ": " + message);
      }
    }
  }

  @Test
  void whatIsAddedIsRefused() throws IOException {
    byte[] words = "garbage".getBytes(StandardCharsets.UTF_8);
    assertTrue(
        files
            .refusal("data.jsonl", joined(gzip(FIRST), words))
            .contains("something that isn't gzip"));
    assertTrue(
        files
            .refusal("data.jsonl", joined(gzip(FIRST), new byte[3], gzip(SECOND)))
            .contains("something that isn't gzip"));
    assertTrue(
        files
            .refusal("data.jsonl", joined(Zstd.compress(FIRST), words))
            .contains("can't be unpacked"));
    byte[] wrong = gzip(FIRST);
    wrong[wrong.length - 6] ^= 1; // of the checksum
    assertTrue(files.refusal("data.jsonl", wrong).contains("is damaged"));
  }

  /// By their first bytes, whatever they are called, also within gzip.
  @ParameterizedTest
  @CsvSource({
    "FD377A585A000004, packed with xz",
    "425A683931415926535900, packed with bzip2",
    "04224D186440A7, packed with LZ4",
    "1F9D90, packed with compress",
    "504B030414000000, a zip archive",
    "377ABCAF271C0004, a 7z archive",
    "4152524F57310000, an Arrow file",
    "53514C69746520666F726D6174203300, an SQLite database",
    "255044462D312E37, a PDF file",
    "4747554603000000, a GGUF model",
    "FFFE22006100, text in UTF-16",
    "FEFF00220061, text in UTF-16",
    "FFFE000022000000, text in UTF-32",
    "220061002200, isn't text in UTF-8",
  })
  void otherFilesAreNamed(String hex, String expected) throws IOException {
    byte[] start = HexFormat.of().parseHex(hex);
    for (String name : List.of("data.jsonl", "data.csv", "data.txt", "data")) {
      for (byte[] content : List.of(start, gzip(start))) {
        String message = files.refusal(name, content);
        assertTrue(message.contains(expected) && message.lines().count() == 1, message);
      }
    }
  }

  @Test
  void pointersAndArchivesAreNamed() throws IOException {
    String pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n";
    assertTrue(files.refusal("data.parquet", pointer).contains("git lfs pull"));
    byte[] tar = new byte[1024];
    tar[0] = 'a';
    System.arraycopy("ustar".getBytes(StandardCharsets.UTF_8), 0, tar, 257, 5);
    for (int i = 1; i < 100; i++) {
      tar[i] = 'a';
    }
    assertTrue(files.refusal("data.tgz", gzip(tar)).contains("is a tar archive"));
    assertTrue(
        files
            .refusal("data.parquet.gz", gzip("PAR1".getBytes(StandardCharsets.UTF_8)))
            .contains("a packed Parquet file"));
  }

  private List<Example.Content> read(byte[]... parts) throws IOException {
    return ReadFiles.contents(files.read("data.jsonl", joined(parts)));
  }

  private static byte[] skippable(int length) {
    byte[] frame = new byte[8 + length];
    frame[0] = 0x5A;
    frame[1] = 0x2A;
    frame[2] = 0x4D;
    frame[3] = 0x18;
    frame[4] = (byte) length;
    return frame;
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream output = new GZIPOutputStream(packed)) {
      output.write(bytes);
    }
    return packed.toByteArray();
  }

  private static byte[] joined(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }
}
