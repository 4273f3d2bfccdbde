package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class ChecksummedGgufTest {
  @TempDir Path folder;

  private Path write() throws IOException {
    Path path = folder.resolve("state.gguf");
    GgufWriter writer =
        new GgufWriter()
            .putString("general.type", "state")
            .addTensor("a", new long[] {5}, new float[] {1, 2, 3, 4, 5})
            .addTensor("b", new long[] {3}, new float[] {6, 7, 8});
    ChecksummedGguf.write(writer, path);
    assertEquals(writer.size(), Files.size(path));
    return path;
  }

  @Test
  void isAGgufFileThatComesBack() throws IOException {
    try (GgufFile file = ChecksummedGguf.open(write())) {
      assertEquals("state", file.metadata().requireString("general.type"));
      assertEquals(
          List.of("a", "b", "checksum.sha256"),
          file.tensors().stream().map(GgufTensor::name).toList());
    }
  }

  @Test
  void noticesEveryBit() throws IOException {
    Path path = write();
    byte[] whole = Files.readAllBytes(path);
    for (int bit = 0; bit < 8 * whole.length; bit++) {
      byte[] damaged = whole.clone();
      damaged[bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(path, damaged);
      assertThrows(
          InvalidInputException.class, () -> ChecksummedGguf.open(path).close(), "bit " + bit);
    }
  }

  @Test
  void noticesEveryCut() throws IOException {
    Path path = write();
    byte[] whole = Files.readAllBytes(path);
    for (int length = 0; length < whole.length; length++) {
      Files.write(path, Arrays.copyOf(whole, length));
      assertThrows(
          InvalidInputException.class, () -> ChecksummedGguf.open(path).close(), length + " bytes");
    }
  }

  @Test
  void leavesNothingWhereItCannotWrite() throws IOException {
    Path inFile = write().resolve("state.gguf");
    assertThrows(IOException.class, () -> ChecksummedGguf.write(new GgufWriter(), inFile));
    GgufWriter failing =
        new GgufWriter()
            .addTensor(
                "a",
                TensorType.F32,
                new long[] {5},
                _ -> {
                  throw new IOException("unreadable");
                });
    Path other = folder.resolve("other.gguf");
    String message =
        assertThrows(IOException.class, () -> ChecksummedGguf.write(failing, other)).getMessage();
    assertTrue(message.contains("can't write " + other), message);
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }
}
