package io.lorikeet.cli;

import io.lorikeet.finetune.GradientProof;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.settings.Setting;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// The comparison of gradients in words.
final class GradientText {
  private GradientText() {}

  /// How it was computed, a table of all adapted weights, the verdict.
  static List<String> lines(GradientProof proof) {
    List<String> lines = new ArrayList<>();
    Placement placement = proof.placement();
    lines.add(
        "one batch with %s tokens with loss, on %s: layers %s, their inputs %s, activations kept: %s"
            .formatted(
                Words.count(proof.targets()),
                proof.device(),
                placement.streamed()
                    ? "streamed, %s batches in turn".formatted(placement.passes())
                    : "in memory",
                Setting.name(placement.savedInputs()),
                placement.savedActivations().name().toLowerCase(Locale.ROOT)));
    lines.add(
        String.format(
            Locale.ROOT, "loss %.6f, on the CPU in F32 %.6f", proof.loss(), proof.rightLoss()));
    TableText table = new TableText("relative difference of gradients", "A", "B");
    for (GradientProof.GradientPair pair : proof.pairs()) {
      table.row(pair.baseTensor(), share(pair.a()), share(pair.b()));
    }
    lines.addAll(table.lines());
    GradientProof.GradientPair worst =
        proof.pairs().stream()
            .max(Comparator.comparingDouble(GradientProof.GradientPair::worst))
            .orElseThrow();
    lines.add(
        "%s: at most %s (%s; limit %s)"
            .formatted(
                proof.passes()
                    ? "verified: the gradients are those of the CPU in F32, but for rounding"
                    : "FAILED: the gradients, or the loss, are not those of the CPU in F32",
                share(worst.worst()),
                worst.baseTensor(),
                share(proof.limit())));
    return lines;
  }

  private static String share(double difference) {
    return String.format(Locale.ROOT, "%.2e", difference);
  }
}
