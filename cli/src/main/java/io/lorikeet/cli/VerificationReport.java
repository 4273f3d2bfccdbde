package io.lorikeet.cli;

import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.Verification;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// A verification in words.
final class VerificationReport {

  private VerificationReport() {}

  /// A table of what was measured, and the verdict.
  static List<String> lines(Verification verification) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            "%-34s%10s%10s%11s%13s",
            "logits, compared with llama.cpp's", "max", "mean", "KL", "same first"));
    lines.add(row("adapter's effect (llama.cpp)", verification.effect()));
    lines.add(row("trainer with the adapter", verification.unexplained()));
    lines.add(row("trainer without adapter", verification.noise()));
    verification
        .sensitivity()
        .ifPresent(rounding -> lines.add(row("trainer, adapter scaled by 1.002", rounding)));
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
    String share = Words.percent(verification.unexplainedShare());
    String limit = Words.percent(Verification.LIMIT);
    return switch (verification.verdict()) {
      case PASSED -> passed(verification, share, limit);
      case FAILED ->
          verification.isRoundedTooFar()
              ? "FAILED: the file doesn't hold the adapter that was meant (limit %s)"
                  .formatted(limit)
              : "FAILED: llama.cpp doesn't do with the adapter what the trainer does; they differ by %s of its effect (limit %s)"
                  .formatted(share, limit);
      case INCONCLUSIVE ->
          verification.effect().isNone()
              ? "inconclusive: the adapter changes nothing in llama.cpp"
              : "inconclusive: the adapter changes too little to be told from rounding; train longer, or give other --data";
    };
  }

  private static String passed(Verification verification, String share, String limit) {
    String tokens = Words.count(verification.effect().positions());
    String start = "verified: llama.cpp does with the adapter what the trainer does; over ";
    if (verification.unexplainedShare() < Verification.LIMIT) {
      return start
          + "%s tokens they differ by %s of its effect (limit %s)".formatted(tokens, share, limit);
    }
    return start
        + "%s of %s tokens they differ by %s of its effect (limit %s); with the few where 8-bit activations were rounded to another side, by %s"
            .formatted(
                Words.percent(1 - Verification.RARE),
                tokens,
                Words.percent(verification.usualShare()),
                limit,
                share);
  }

  /// The exit code of a command that made the adapter. It did what it should where the adapter's
  /// effect is merely too small to be proven.
  static int exitCodeOfMaker(Verification verification) {
    boolean tooSmall =
        verification.verdict() == Verification.Verdict.INCONCLUSIVE
            && !verification.effect().isNone();
    return tooSmall ? 0 : exitCode(verification);
  }

  /// The exit code of a command that is for the proof.
  static int exitCode(Verification verification) {
    return verification.verdict() == Verification.Verdict.PASSED ? 0 : Failure.FAILED;
  }
}
