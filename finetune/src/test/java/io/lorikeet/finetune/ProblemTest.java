package io.lorikeet.finetune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.finetune.Problem.Category;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.run.StoppedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class ProblemTest {

  @Test
  void inputOfTheUserIsToldAsSuch() {
    assertEquals(
        new Problem(Category.BAD_INPUT, "rank 0"), Problem.of(new InvalidInputException("rank 0")));
    assertEquals(
        new Problem(Category.BAD_INPUT, "there is no file a.gguf"),
        Problem.of(new NoSuchFileException("a.gguf")));
    assertEquals(
        new Problem(Category.BAD_INPUT, "'a\0b' can't be a file: Nul character not allowed"),
        Problem.of(new InvalidPathException("a\0b", "Nul character not allowed")));
  }

  @Test
  void disksAndDevicesFail() {
    assertEquals(
        new Problem(Category.FAILED, "no device"), Problem.of(new GgmlException("no device")));
    assertEquals(
        new Problem(Category.FAILED, "a.gguf: permission denied"),
        Problem.of(new AccessDeniedException("a.gguf")));
    assertEquals(
        new Problem(Category.FAILED, "a.gguf: Read-only file system"),
        Problem.of(new FileSystemException("a.gguf", null, "Read-only file system")));
  }

  @Test
  void aStoppedRunIsNoFailure() {
    assertEquals(Category.STOPPED, Problem.of(StoppedException.beforeTheFirstStep()).kind());
  }

  @Test
  void whatNobodyExpectsIsADefect() {
    Problem problem = Problem.of(new IllegalStateException("odd"));
    assertEquals(Category.DEFECT, problem.kind());
    assertTrue(problem.message().contains("odd"), problem.message());
  }

  @Test
  void aFullDiskIsNamedInEveryFormItComesIn() {
    IOException full = new FileSystemException("a.gguf", null, "No space left on device");
    for (Throwable thrown : new Throwable[] {full, new UncheckedIOException(full)}) {
      Problem problem = Problem.of(thrown);
      assertEquals(Category.FAILED, problem.kind());
      assertTrue(problem.message().startsWith("the disk is full: a.gguf"), problem.message());
    }
    String nameless = Problem.of(new IOException("No space left on device")).message();
    assertTrue(nameless.startsWith("the disk is full"), nameless);
  }

  @Test
  void aSmallHeapIsToldWithWhatEnlargesIt() {
    Problem problem = Problem.of(new OutOfMemoryError("Java heap space"));
    assertEquals(Category.FAILED, problem.kind());
    assertTrue(problem.message().contains("LORIKEET_JAVA_OPTS=-Xmx"), problem.message());
  }

  @Test
  void memoryThatThreadsLackIsToldAsTheirs() {
    for (Throwable thrown :
        new Throwable[] {
          new ExecutionException(new OutOfMemoryError("Java heap space")),
          new IllegalStateException(new OutOfMemoryError("Java heap space")),
          new IllegalStateException(
              new ExecutionException(new OutOfMemoryError("GC overhead limit exceeded")))
        }) {
      String message = Problem.of(thrown).message();
      assertTrue(message.contains("LORIKEET_JAVA_OPTS=-Xmx"), message);
    }
    String threads = Problem.of(new OutOfMemoryError("unable to create native thread")).message();
    assertTrue(threads.contains("fewer --threads"), threads);
    String reserved = Problem.of(new OutOfMemoryError("Cannot reserve 9 bytes")).message();
    assertFalse(reserved.contains("-Xmx"), reserved);
  }
}
