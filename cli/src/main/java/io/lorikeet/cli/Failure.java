package io.lorikeet.cli;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.llama.UnusableModelException;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.optimizer.UnusableStepException;
import io.lorikeet.train.run.StoppedException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// The end of a command that did not succeed: the exit code and the message.
///
/// @param exitCode [#FAILED], [#BAD_INPUT] or [#STOPPED]; 130 after Ctrl-C and 143 after SIGTERM
///     are the Java runtime's own doing
/// @param message the problem, its place, and a remedy
record Failure(int exitCode, String message) {

  /// It could not be done: a disk, a device, native code, a proof that did not succeed.
  static final int FAILED = 1;

  /// Input of the user can't be used: options, files, data.
  static final int BAD_INPUT = 2;

  /// The command did its work, and nothing is wrong, but the proof has nothing to go by.
  static final int INCONCLUSIVE = 3;

  /// The time that a training run was given is over, and it can be resumed: what `timeout` ends
  /// with.
  static final int STOPPED = 124;

  static Failure of(Throwable problem) {
    return switch (problem) {
      case ParameterException e -> new Failure(BAD_INPUT, ArgumentProblem.inWords(e));
      case InvalidInputException e -> new Failure(BAD_INPUT, e.getMessage());
      case UnusableModelException e -> new Failure(BAD_INPUT, e.getMessage());
      case UnusableStepException e ->
          new Failure(e.isOfTheBase() ? BAD_INPUT : FAILED, e.getMessage());
      case StoppedException e -> new Failure(STOPPED, e.getMessage());
      case GgmlException e -> new Failure(FAILED, e.getMessage());
      case UncheckedIOException e -> of(e.getCause());
      case NoSuchFileException e -> new Failure(BAD_INPUT, "there is no file " + e.getFile());
      case FileNotFoundException e -> new Failure(BAD_INPUT, "can't open " + e.getMessage());
      case IOException e -> new Failure(FAILED, disk(e));
      case OutOfMemoryError e -> new Failure(FAILED, outOfMemory(e));
      case InvalidPathException e ->
          new Failure(BAD_INPUT, "'" + e.getInput() + "' can't be a file: " + e.getReason());
      case InternalError e ->
          new Failure(
              FAILED,
              "a file became unreadable while it was in use: was it changed, or is the disk full? ("
                  + e.getMessage()
                  + ")");
      case Throwable e when e.getCause() instanceof OutOfMemoryError cause -> of(cause);
      case Throwable e when e.getCause() instanceof ExecutionException cause -> of(cause);
      default ->
          new Failure(
              FAILED,
              "unexpected "
                  + problem
                  + "\nThis is a defect in Lorikeet; --verbose shows where it happened.");
    };
  }

  /// Java has several memories, and each is enlarged in another way.
  private static String outOfMemory(OutOfMemoryError problem) {
    String what = String.valueOf(problem.getMessage());
    String remedy =
        what.contains("native thread")
            ? "the system gives no more threads or memory for their stacks; take fewer --threads,"
                + " or raise its limits (ulimit -u, ulimit -v, those of the control group)"
            : what.contains("Java heap") || what.contains("GC overhead") || what.contains("array")
                ? "give Java a larger heap, as in LORIKEET_JAVA_OPTS=-Xmx4g"
                : "free some memory, or raise the limits of this process (ulimit -v, those of the"
                    + " control group)";
    return "out of memory ("
        + what
        + "): "
        + remedy
        + "; when training, a smaller --context, --batch-size or --rank takes less";
  }

  private static String disk(IOException problem) {
    String where =
        problem instanceof FileSystemException e && e.getFile() != null ? e.getFile() : null;
    String text = String.valueOf(problem.getMessage());
    if (text.contains("No space left on device") || text.contains("Disk quota exceeded")) {
      return "the disk is full"
          + (where == null ? "" : ": " + where)
          + "\nFree some space, or write to another disk.";
    }
    return switch (problem) {
      case AccessDeniedException _ -> where + ": permission denied";
      case FileAlreadyExistsException _ -> where + " exists already";
      case NotDirectoryException _ -> where + " is not a folder";
      case FileSystemException e when e.getReason() != null -> where + ": " + e.getReason();
      default -> text;
    };
  }

  /// Prints the message, and the stack trace where the user asked for it.
  ///
  /// @return the exit code
  int report(CommandLine command, Throwable problem, boolean verbose) {
    PrintWriter err = command.getErr();
    int width = Main.of(command.getCommandSpec()).screen().errorWidth().orElse(Integer.MAX_VALUE);
    DisplayText.wrap("lorikeet: " + message, width).forEach(err::println);
    if (problem instanceof ParameterException) {
      err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    }
    if (verbose) {
      problem.printStackTrace(err);
    }
    err.flush();
    return exitCode;
  }
}
