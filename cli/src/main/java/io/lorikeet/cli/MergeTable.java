package io.lorikeet.cli;

import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.MergeVerification;
import io.lorikeet.export.merge.MergeReport;
import io.lorikeet.models.merge.Survival;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A merge in words.
final class MergeTable {

  private MergeTable() {}

  /// What is left of the update, by kind of tensor and type, and how fast it went.
  static List<String> lines(MergeReport report) {
    Map<String, List<MergeReport.Merged>> kinds = new LinkedHashMap<>();
    for (MergeReport.Merged tensor : report.tensors()) {
      kinds.computeIfAbsent(kind(tensor), _ -> new ArrayList<>()).add(tensor);
    }
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            "%-34s%8s%10s%10s%10s%10s",
            "update left after rounding", "tensors", "kept", "least", "noise", "changed"));
    kinds.forEach((kind, tensors) -> lines.add(row(kind, tensors)));
    lines.add(row("all", report.tensors()));
    lines.add(
        String.format(
            Locale.ROOT,
            "merged in %s at %.2f GB/s (read and written)",
            Words.duration(report.seconds()),
            (report.bytesRead() + report.bytesWritten()) / 1e9 / report.seconds()));
    return lines;
  }

  private static String kind(MergeReport.Merged tensor) {
    String name = tensor.name().replaceFirst("^blk\\.\\d+\\.", "").replaceFirst("\\.weight$", "");
    return tensor.from() == tensor.to()
        ? name + " " + tensor.to()
        : name + " " + tensor.from() + " to " + tensor.to();
  }

  private static String row(String name, List<MergeReport.Merged> tensors) {
    Survival sum = new Survival();
    tensors.forEach(tensor -> sum.add(tensor.survival()));
    double least = tensors.stream().mapToDouble(t -> t.survival().kept()).min().orElse(Double.NaN);
    return String.format(
        Locale.ROOT,
        "  %-32s%8d%10.3f%10.3f%10.3f%10s",
        name,
        tensors.size(),
        sum.kept(),
        least,
        sum.noise(),
        Words.percent(sum.changedShare()));
  }

  /// How near the merged file is to the base with the adapters.
  static List<String> lines(MergeVerification verification) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            "%-34s%10s%10s%11s%13s", "logits in llama.cpp", "max", "mean", "KL", "same first"));
    lines.add(row("base, from base + adapter", verification.effect()));
    lines.add(row("merged, from base + adapter", verification.difference()));
    lines.add("loss on the text: base " + Words.loss(verification.baseLoss()));
    lines.add("  base + adapter " + Words.loss(verification.adapterLoss()));
    lines.add("  merged " + Words.loss(verification.mergedLoss()));
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
}
