package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.run.StoppedException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.AccessDeniedException;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class FailureTest {

  @Test
  void theKindOfProblemIsTheExitCode() {
    assertEquals(new Failure(2, "rank 0"), Failure.of(new InvalidInputException("rank 0")));
    assertEquals(
        new Failure(1, "a.gguf: permission denied"),
        Failure.of(new AccessDeniedException("a.gguf")));
    assertEquals(124, Failure.of(StoppedException.beforeTheFirstStep()).exitCode());
    Failure defect = Failure.of(new IllegalStateException("odd"));
    assertEquals(1, defect.exitCode());
    assertTrue(defect.message().endsWith("--verbose shows where it happened."), defect.message());
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
