package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class FailureTest {

  @Test
  void inputOfTheUserIsExitCode2() {
    assertEquals(new Failure(2, "rank 0"), Failure.of(new InvalidInputException("rank 0")));
    assertEquals(
        new Failure(2, "there is no file a.gguf"), Failure.of(new NoSuchFileException("a.gguf")));
  }

  @Test
  void disksAndDevicesAreExitCode1() {
    assertEquals(new Failure(1, "no device"), Failure.of(new GgmlException("no device")));
    assertEquals(
        new Failure(1, "a.gguf: permission denied"),
        Failure.of(new AccessDeniedException("a.gguf")));
    assertEquals(
        new Failure(1, "a.gguf: Read-only file system"),
        Failure.of(new FileSystemException("a.gguf", null, "Read-only file system")));
  }

  @Test
  void aFullDiskIsNamedInEveryFormItComesIn() {
    IOException full = new FileSystemException("a.gguf", null, "No space left on device");
    for (Throwable problem : new Throwable[] {full, new UncheckedIOException(full)}) {
      Failure failure = Failure.of(problem);
      assertEquals(1, failure.exitCode());
      assertTrue(failure.message().startsWith("the disk is full: a.gguf"), failure.message());
    }
    Failure nameless = Failure.of(new IOException("No space left on device"));
    assertTrue(nameless.message().startsWith("the disk is full"), nameless.message());
  }

  @Test
  void aSmallHeapIsToldWithWhatEnlargesIt() {
    Failure failure = Failure.of(new OutOfMemoryError("Java heap space"));
    assertEquals(1, failure.exitCode());
    assertTrue(failure.message().contains("LORIKEET_JAVA_OPTS=-Xmx"), failure.message());
  }

  @Test
  void memoryThatThreadsLackIsToldAsTheirs() {
    for (Throwable problem :
        new Throwable[] {
          new ExecutionException(new OutOfMemoryError("Java heap space")),
          new IllegalStateException(new OutOfMemoryError("Java heap space")),
          new IllegalStateException(
              new ExecutionException(new OutOfMemoryError("GC overhead limit exceeded")))
        }) {
      String message = Failure.of(problem).message();
      assertTrue(message.contains("LORIKEET_JAVA_OPTS=-Xmx"), message);
    }
    Failure threads = Failure.of(new OutOfMemoryError("unable to create native thread"));
    assertTrue(threads.message().contains("fewer --threads"), threads.message());
    Failure reserved = Failure.of(new OutOfMemoryError("Cannot reserve 9 bytes"));
    assertFalse(reserved.message().contains("-Xmx"), reserved.message());
  }

  @Test
  void namesThatNoFileCanHaveAreBadInput() {
    Failure failure = Failure.of(new InvalidPathException("a\0b", "Nul character not allowed"));
    assertEquals(new Failure(2, "'a\0b' can't be a file: Nul character not allowed"), failure);
  }

  @Test
  void stackTraceOnlyWhenAskedFor() {
    assertFalse(reported(false).contains("at io.lorikeet"));
    assertTrue(reported(true).contains("at io.lorikeet"));
  }

  private static String reported(boolean verbose) {
    RuntimeException problem = new IllegalStateException("odd");
    StringWriter err = new StringWriter();
    CommandLine command =
        new CommandLine(new Main(new Interruption(Screen.none()), Screen.none()))
            .setErr(new PrintWriter(err));
    assertEquals(1, Failure.of(problem).report(command, problem, verbose));
    assertTrue(err.toString().contains("odd"));
    return err.toString();
  }
}
