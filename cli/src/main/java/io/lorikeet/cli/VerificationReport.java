package io.lorikeet.cli;

import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.Verification;
import io.lorikeet.finetune.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// A verification in words, and as the exit code of the commands that prove.
final class VerificationReport {
  static final String EXIT_CODES = "%nExit codes:%n";
  static final String PROVEN = " 0:done, and proven in llama.cpp where there is a proof";
  static final String FAILED = " 1:the proof failed, or the command did";
  static final String BAD_INPUT = " 2:options, files or data that can't be used";
  static final String INCONCLUSIVE = " 3:done, but the adapter changes too little to be proven";

  private VerificationReport() {}

  /// A table of what was measured, and the verdict.
  static List<String> lines(Verification verification) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%-34s%10s%10s%11s%13s",
            "differences of logits",
            "max",
            "mean",
            "KL",
            "same first"));
    lines.add(row("adapter's effect in llama.cpp", verification.effect()));
    lines.add(row("adapter's effect in the trainer", verification.trainerEffect()));
    lines.add(row("between them with the adapter", verification.unexplained()));
    lines.add(row("between them without it", verification.noise()));
    verification
        .rounding()
        .ifPresent(
            rounding ->
                lines.add(
                    "rounding for the file changes ΔW by at most %s (%s)"
                        .formatted(Words.percent(rounding.share()), rounding.weight())));
    lines.add(verdict(verification));
    return lines;
  }

  private static String row(String name, LogitsDifference difference) {
    return String.format(
        Locale.ROOT,
        "  %-32s%10.3g%10.3g%11.2e%13s",
        name,
        difference.maximum(),
        difference.mean(),
        difference.divergence(),
        Words.percent(difference.agreement()));
  }

  private static String verdict(Verification verification) {
    return switch (verification.verdict()) {
      case PASSED ->
          "verified: llama.cpp does with the adapter what the trainer does; "
              + measured(verification);
      case FAILED ->
          verification.isRoundedTooFar()
              ? "FAILED: the file doesn't hold the adapter that was meant (limit %s)"
                  .formatted(Words.percent(Verification.STORAGE_LIMIT))
              : "FAILED: llama.cpp doesn't do with the adapter what the trainer does; "
                  + measured(verification);
      case INCONCLUSIVE -> "inconclusive: " + reason(verification);
    };
  }

  private static String measured(Verification verification) {
    return "at the median of %s tokens they differ by %s of its effect (limit %s), and by %s from rounding"
        .formatted(
            Words.count(verification.effect().positions()),
            Words.percent(verification.differenceShare()),
            Words.percent(Verification.LIMIT),
            Words.percent(verification.roundingShare()));
  }

  private static String reason(Verification verification) {
    if (verification.isWithoutEffect()) {
      return "the adapter changes nothing in llama.cpp";
    }
    if (verification.isUneven()) {
      return "at single tokens llama.cpp and the trainer differ by more than the adapter changes; verify with other --data";
    }
    return "the adapter changes too little: rounding makes %s of its effect at the median of %s tokens (limit %s); train longer, or verify with other --data"
        .formatted(
            Double.isInfinite(verification.roundingShare())
                ? "more than all"
                : Words.percent(verification.roundingShare()),
            Words.count(verification.effect().positions()),
            Words.percent(Verification.ROUNDING_LIMIT));
  }

  /// The exit code of a command that proves.
  static int exitCode(Verification.Verdict verdict) {
    return switch (verdict) {
      case PASSED -> 0;
      case FAILED -> Failure.FAILED;
      case INCONCLUSIVE -> Failure.INCONCLUSIVE;
    };
  }
}
