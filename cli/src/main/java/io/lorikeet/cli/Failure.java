package io.lorikeet.cli;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.llama.NonFiniteLogitsException;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.StoppedException;
import io.lorikeet.train.UnusableStepException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// How a command ends that did not succeed: the exit code, and what a person reads.
///
/// @param exitCode [#FAILED], [#BAD_INPUT] or [#STOPPED]; 130 after Ctrl-C and 143 after SIGTERM
///     are the Java runtime's own doing
/// @param message what was wrong, where, and what to do
record Failure(int exitCode, String message) {

  /// It could not be done: a disk, a device, native code, a proof that did not succeed.
  static final int FAILED = 1;

  /// What the user gave can't be used: options, files, data.
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
      case NonFiniteLogitsException e -> new Failure(BAD_INPUT, e.getMessage());
      case UnusableStepException e -> new Failure(FAILED, e.getMessage());
      case StoppedException e -> new Failure(STOPPED, e.getMessage());
      case GgmlException e -> new Failure(FAILED, e.getMessage());
      case UncheckedIOException e -> of(e.getCause());
      case NoSuchFileException e -> new Failure(BAD_INPUT, "there is no file " + e.getFile());
      case FileNotFoundException e -> new Failure(BAD_INPUT, "can't open " + e.getMessage());
      case IOException e -> new Failure(FAILED, disk(e));
      case OutOfMemoryError e ->
          new Failure(
              FAILED,
              "out of memory ("
                  + e.getMessage()
                  + "): give Java a larger heap, as in LORIKEET_JAVA_OPTS=-Xmx4g; when training, a"
                  + " smaller --context, --batch-size or --rank takes less");
      case InternalError e ->
          new Failure(
              FAILED,
              "a file became unreadable while it was in use: was it changed, or is the disk full? ("
                  + e.getMessage()
                  + ")");
      default ->
          new Failure(
              FAILED,
              "unexpected "
                  + problem
                  + "\nThis is a defect in Lorikeet; --verbose shows where it happened.");
    };
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
