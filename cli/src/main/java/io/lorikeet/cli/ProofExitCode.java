package io.lorikeet.cli;

import io.lorikeet.export.Verification;

/// The exit codes of the commands that prove an adapter.
final class ProofExitCode {
  static final String EXIT_CODES = "%nExit codes:%n";
  static final String PROVEN = " 0:done, and proven in llama.cpp where there is a proof";
  static final String FAILED = " 1:the proof failed, or the command did";
  static final String BAD_INPUT = " 2:options, files or data that can't be used";
  static final String INCONCLUSIVE = " 3:done, but the adapter changes too little to be proven";
  static final String REFUSED = " 3:too little changed, or the gate refuses all";

  static final String OUT_OF_TIME = "124:stopped by --max-time; --resume goes on";
  static final String INTERRUPTED = "130:stopped by Ctrl-C; --resume goes on";
  static final String TERMINATED = "143:stopped by SIGTERM; --resume goes on";

  private ProofExitCode() {}

  /// The exit code of a command that proves.
  static int exitCode(Verification.Verdict verdict) {
    return switch (verdict) {
      case PASSED -> 0;
      case FAILED -> Failure.FAILED;
      case INCONCLUSIVE -> Failure.INCONCLUSIVE;
    };
  }
}
