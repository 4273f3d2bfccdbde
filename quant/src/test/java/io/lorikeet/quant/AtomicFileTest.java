package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  @TempDir Path folder;

  @Test
  void appearsOnlyWhenCommitted() throws IOException {
    Path target = folder.resolve("a.txt");
    try (AtomicFile file = AtomicFile.create(target)) {
      Files.writeString(file.path(), "half");
    }
    assertEquals(List.of(), list());
    try (AtomicFile file = AtomicFile.create(target)) {
      Files.writeString(file.path(), "whole");
      assertFalse(Files.exists(target));
      file.commit();
    }
    assertEquals(List.of(target), list());
    assertEquals("whole", Files.readString(target));
  }

  @Test
  void followsALink() throws IOException {
    Path real = Files.writeString(folder.resolve("real"), "before");
    Path link = Files.createSymbolicLink(folder.resolve("link"), real);
    try (AtomicFile file = AtomicFile.create(link)) {
      Files.writeString(file.path(), "after");
      file.commit();
    }
    assertTrue(Files.isSymbolicLink(link));
    assertEquals("after", Files.readString(real));
  }

  @Test
  void saysWhyItCannotWrite() throws IOException {
    Path plain = Files.createFile(folder.resolve("plain"));
    assertRefused("isn't an ordinary file", folder);
    assertRefused("none doesn't exist. Create it", folder.resolve("none").resolve("a"));
    assertRefused("can't write " + plain.resolve("a"), plain.resolve("a"));
    assertRefused("isn't an ordinary file", Path.of("/dev/null"));
  }

  @Test
  void saysThatAFolderCannotBeWritten() throws IOException {
    Path closed = Files.createDirectory(folder.resolve("closed"));
    Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("r-xr-xr-x"));
    Assumptions.assumeFalse(Files.isWritable(closed), "the superuser can write everywhere");
    assertRefused("closed can't be written to", closed.resolve("a"));
  }

  private static void assertRefused(String words, Path target) {
    String message = assertThrows(IOException.class, () -> AtomicFile.create(target)).getMessage();
    assertTrue(message.contains(words), message);
  }

  private List<Path> list() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }
}
