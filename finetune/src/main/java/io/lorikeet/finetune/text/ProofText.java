package io.lorikeet.finetune.text;

import io.lorikeet.export.EmbeddingAgreement;
import io.lorikeet.export.KindEffects;
import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.Verification;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The proof of an adapter in words.
public final class ProofText {

  private ProofText() {}

  /// A table of what was measured, and the verdict.
  public static List<String> lines(Verification verification) {
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
    lines.addAll(kinds(verification.kinds()));
    verification.embeddings().ifPresent(agreement -> lines.add(embeddings(agreement)));
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

  private static List<String> kinds(KindEffects kinds) {
    List<String> lines = new ArrayList<>();
    if (!kinds.changing().isEmpty()) {
      lines.add(
          "pairs that each change llama.cpp's logits: " + String.join(", ", kinds.changing()));
    }
    if (!kinds.idle().isEmpty()) {
      lines.add(
          "warning: pairs that change nothing in llama.cpp: %s. They learned nothing, or llama.cpp ignores them"
              .formatted(String.join(", ", kinds.idle())));
    }
    return lines;
  }

  private static String embeddings(EmbeddingAgreement agreement) {
    return String.format(
        Locale.ROOT,
        "embeddings of %s texts (%s): cosine of llama.cpp's and the trainer's %.6f at least (limit"
            + " %s); mean distance %.2e, of the adapter's change %.2e",
        Words.count(agreement.texts()),
        agreement.pooling().name().toLowerCase(Locale.ROOT),
        agreement.leastCosine(),
        EmbeddingAgreement.LIMIT,
        agreement.distance(),
        agreement.effect());
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
              : verification.embeddings().filter(EmbeddingAgreement::isFarOff).isPresent()
                  ? "FAILED: llama.cpp's embeddings with the adapter aren't the trainer's"
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
    if (verification.embeddings().filter(EmbeddingAgreement::isUnclear).isPresent()) {
      return "the adapter changes embeddings too little to tell from rounding; train longer, or verify with other --data";
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
}
