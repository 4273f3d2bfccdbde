package io.lorikeet.cli;

import io.lorikeet.finetune.Problem;
import java.io.PrintWriter;
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

  static Failure of(Throwable thrown) {
    if (thrown instanceof ParameterException e) {
      return new Failure(BAD_INPUT, ArgumentProblem.inWords(e));
    }
    Problem problem = Problem.of(thrown);
    return switch (problem.kind()) {
      case BAD_INPUT -> new Failure(BAD_INPUT, problem.message());
      case FAILED -> new Failure(FAILED, problem.message());
      case STOPPED -> new Failure(STOPPED, problem.message());
      case DEFECT ->
          new Failure(FAILED, problem.message() + "; --verbose shows where it happened.");
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
