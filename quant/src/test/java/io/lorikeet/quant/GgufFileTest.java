package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufFileTest {
  /// Of an empty GGUF file, the 24 bytes `GGUF`, 3, 0 and 0, by sha256sum.
  private static final String SHA256_OF_EMPTY =
      "a4e5e156ddec27e286f75328784d7106b60a4eb1d246e950a001a3f944fbda99";

  @TempDir Path folder;

  private Path small() throws IOException {
    Path path = folder.resolve("small.gguf");
    new GgufWriter()
        .putString("general.architecture", "llama")
        .putStrings("names", List.of("a", "b"))
        .addTensor("t", new long[] {2}, new float[] {1, 2})
        .write(path);
    return path;
  }

  @Test
  void hashesTheFile() throws IOException {
    Path path = folder.resolve("empty.gguf");
    Files.write(path, GgufBytes.header(0, 0).toArray());
    try (GgufFile file = GgufFile.open(path)) {
      assertEquals(SHA256_OF_EMPTY, file.hash());
      assertEquals(SHA256_OF_EMPTY, file.hash());
    }
  }

  @Test
  void readsBeyondTwoGigabytes() throws IOException {
    Path path = folder.resolve("large.gguf");
    long rows = (1L << 31) / 4096 + 1;
    byte[] header =
        GgufBytes.header(2, 0)
            .tensor("large", TensorType.F32.id(), 0, 1024, rows)
            .tensor("last", TensorType.F32.id(), 4096 * rows, 2)
            .data(0)
            .toArray();
    Files.write(path, header);
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.write(
          ByteBuffer.wrap(new byte[] {0, 0, (byte) 0x80, 0x3f}), header.length + 4096 * rows + 4);
    }
    try (GgufFile file = GgufFile.open(path)) {
      MemorySegment last = file.data(file.tensor("last").orElseThrow());
      assertEquals(1f, last.get(ValueLayout.JAVA_FLOAT, 4));
      MemorySegment large = file.data(file.tensor("large").orElseThrow());
      assertEquals(0f, large.get(ValueLayout.JAVA_FLOAT, 4096 * rows - 4));
      assertEquals(1024 * rows + 2, file.parameterCount());
    }
  }

  @Test
  void opensTheHeadOfAnIncompleteFile() throws IOException {
    Path path = small();
    byte[] whole = Files.readAllBytes(path);
    Files.write(path, Arrays.copyOf(whole, whole.length - 28));
    assertThrows(InvalidInputException.class, () -> GgufFile.open(path));
    try (GgufFile file = GgufFile.openHeader(path)) {
      assertEquals("llama", file.metadata().requireString("general.architecture"));
      GgufTensor tensor = file.tensors().getFirst();
      assertThrows(IllegalStateException.class, () -> file.data(tensor));
      assertThrows(IllegalStateException.class, file::hash);
    }
  }

  @Test
  void noticesAChangedFile() throws IOException {
    Path path = small();
    try (GgufFile file = GgufFile.open(path)) {
      file.checkUnchanged();
      Files.setLastModifiedTime(path, FileTime.from(Instant.EPOCH));
      assertChanged("was changed while it was in use", file);
      Files.write(path, new byte[3], StandardOpenOption.APPEND);
      assertChanged("bytes and now has", file);
      assertThrows(IOException.class, file::hash);
      Files.delete(path);
      assertChanged("was removed", file);
    }
  }

  private static void assertChanged(String words, GgufFile file) {
    String message = assertThrows(IOException.class, file::checkUnchanged).getMessage();
    assertTrue(message.contains(words), message);
  }

  @Test
  void givesNoDataOfAnotherFileAndNoneOnceClosed() throws IOException {
    GgufFile file = GgufFile.open(small());
    GgufTensor tensor = file.tensors().getFirst();
    GgufTensor other = new GgufTensor("t", TensorType.F32, List.of(2L), 0, 8, 0);
    assertThrows(IllegalArgumentException.class, () -> file.data(other));
    MemorySegment data = file.data(tensor);
    assertTrue(data.isReadOnly());
    file.close();
    file.close();
    assertThrows(IllegalStateException.class, () -> data.get(ValueLayout.JAVA_BYTE, 0));
    assertThrows(IllegalStateException.class, () -> file.metadata().requireStrings("names"));
    assertEquals("llama", file.metadata().requireString("general.architecture"));
  }

  @Test
  void saysWhatIsWrongWithAPath() throws IOException {
    assertRefused("is a folder", folder);
    assertRefused("doesn't exist", folder.resolve("none.gguf"));
    Path page =
        Files.writeString(folder.resolve("model.gguf"), "<!doctype html><title>404</title>");
    assertRefused("a web page", page);
  }

  private static void assertRefused(String words, Path path) {
    String message =
        assertThrows(InvalidInputException.class, () -> GgufFile.open(path)).getMessage();
    assertTrue(message.contains(words), message);
    assertTrue(message.contains(path.toString()), message);
  }

  @Test
  void opensASplitModelByAnyOfItsFiles() throws IOException {
    List<Path> paths = split(3);
    for (Path path : paths) {
      try (GgufFile file = GgufFile.open(path)) {
        assertEquals(paths, file.paths());
        assertEquals("llama", file.metadata().requireString("general.architecture"));
        assertEquals(
            List.of("t0", "t1", "t2"), file.tensors().stream().map(GgufTensor::name).toList());
        for (GgufTensor tensor : file.tensors()) {
          assertEquals(tensor.name(), "t" + tensor.part());
          assertEquals(tensor.part(), file.data(tensor).get(ValueLayout.JAVA_FLOAT, 0));
        }
        assertEquals(64, file.hash().length());
      }
    }
    try (GgufFile source = GgufFile.open(paths.getFirst())) {
      Path whole = folder.resolve("whole.gguf");
      new GgufWriter().copyMetadata(source.metadata()).write(whole);
      try (GgufFile copy = GgufFile.open(whole)) {
        assertEquals(List.of("general.architecture"), List.copyOf(copy.metadata().keys()));
      }
    }
  }

  @Test
  void saysWhatIsWrongWithASplitModel() throws IOException {
    List<Path> paths = split(3);
    Files.delete(paths.get(1));
    Files.delete(paths.get(2));
    assertRefused("m-00002-of-00003.gguf\n", paths.getFirst());

    split(3);
    Files.copy(paths.get(0), paths.get(1), StandardCopyOption.REPLACE_EXISTING);
    String message =
        assertThrows(InvalidInputException.class, () -> GgufFile.open(paths.get(0))).getMessage();
    assertTrue(message.contains("this is file 1 of 3"), message);

    split(3);
    Path renamed = Files.move(paths.get(0), folder.resolve("renamed.gguf"));
    assertRefused("its name doesn't end like -00001-of-00003.gguf", renamed);

    split(3);
    part(2, 3, "t0").write(paths.get(2));
    assertRefused("tensors in common", paths.getFirst());

    part(2, 3, "t2", "t3").write(paths.get(2));
    assertRefused("should have 3 tensors, but its files have 4", paths.getFirst());
  }

  /// The other files' names come from the name of the given one, never from within.
  @Test
  void looksForTheFilesOfASplitModelInItsFolderOnly() throws IOException {
    List<Path> paths = split(2);
    Path inner = Files.createDirectory(folder.resolve("inner"));
    Path first = inner.resolve(paths.getFirst().getFileName());
    part(0, 2, "t0")
        .putString("general.name", "../m")
        .putString("split.prefix", "../m")
        .putString("split.path", paths.getLast().toString())
        .write(first);
    assertRefused(inner.resolve(paths.getLast().getFileName()).toString(), first);
    Files.move(paths.getLast(), inner.resolve(paths.getLast().getFileName()));
    try (GgufFile file = GgufFile.open(first)) {
      assertTrue(file.paths().stream().allMatch(path -> path.getParent().equals(inner)));
    }
  }

  private List<Path> split(int count) throws IOException {
    List<Path> paths = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      Path path = folder.resolve("m-0000%s-of-0000%s.gguf".formatted(number + 1, count));
      part(number, count, "t" + number).write(path);
      paths.add(path);
    }
    return paths;
  }

  private static GgufWriter part(int number, int count, String... tensors) {
    GgufWriter part = new GgufWriter();
    if (number == 0) {
      part.putString("general.architecture", "llama");
    }
    part.put("split.no", new GgufValue.Int(GgufType.UINT16, number))
        .put("split.count", new GgufValue.Int(GgufType.UINT16, count))
        .putInt32("split.tensors.count", count);
    for (String tensor : tensors) {
      part.addTensor(tensor, new long[] {1}, new float[] {number});
    }
    return part;
  }
}
