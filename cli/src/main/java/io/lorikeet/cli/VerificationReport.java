package io.lorikeet.cli;

import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.Verification;
import java.util.List;
import java.util.Locale;

/// A verification in words.
final class VerificationReport {

  private VerificationReport() {}

  /// A table of what was measured, and the verdict.
  static List<String> lines(Verification verification) {
    return List.of(
        String.format(
            "%-34s%10s%10s%11s%13s",
            "logits, compared with llama.cpp's", "max", "mean", "KL", "same first"),
        row("adapter's effect (llama.cpp)", verification.effect()),
        row("trainer with the adapter", verification.unexplained()),
        row("trainer without adapter", verification.noise()),
        verdict(verification));
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
      case PASSED ->
          "verified: llama.cpp does with the adapter what the trainer does; over %s tokens they differ by %s of its effect (limit %s)"
              .formatted(Words.count(verification.effect().positions()), share, limit);
      case FAILED ->
          "FAILED: llama.cpp doesn't do with the adapter what the trainer does; they differ by %s of its effect (limit %s)"
              .formatted(share, limit);
      case INCONCLUSIVE ->
          verification.effect().isNone()
              ? "inconclusive: the adapter changes nothing in llama.cpp"
              : "inconclusive: the adapter changes too little to be told from rounding; train longer, or give other --data";
    };
  }

  /// The exit code that a verdict means.
  static int exitCode(Verification verification) {
    return verification.verdict() == Verification.Verdict.PASSED ? 0 : Failure.FAILED;
  }
}
