package io.lorikeet.cli;

import io.lorikeet.export.LogitsDifference;
import io.lorikeet.export.MergeVerification;
import io.lorikeet.export.Verification;
import io.lorikeet.export.merge.MergeReport;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.merge.Survival;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A merge in words, or in JSON.
///
/// @param verification llama.cpp's results with the merged file, where there was data
record MergeTable(MergeReport report, Optional<MergeVerification> verification) {
  /// Less than this of the update is little.
  private static final double LITTLE_KEPT = 0.5;

  /// The remaining part of the update, the speed, the differences of the merged file, and advice.
  List<String> lines() {
    List<String> lines = new ArrayList<>(survival(report.tensors()));
    lines.add(
        String.format(
            Locale.ROOT,
            "merged %s tensors and copied %s in %.1f s, %.2f GB/s of reading and writing",
            Words.count(report.tensors().size()),
            Words.count(report.copied()),
            report.seconds(),
            report.bytesPerSecond() / 1e9));
    verification.ifPresent(measured -> lines.addAll(lines(measured)));
    lines.addAll(advice());
    return lines;
  }

  /// The remaining part of the update, by kind of tensor and type.
  static List<String> survival(List<MergeReport.Merged> tensors) {
    Map<String, List<MergeReport.Merged>> kinds = new LinkedHashMap<>();
    for (MergeReport.Merged tensor : tensors) {
      kinds.computeIfAbsent(kind(tensor), _ -> new ArrayList<>()).add(tensor);
    }
    TableText table =
        new TableText("update left after rounding", "tensors", "kept", "least", "noise", "changed");
    kinds.forEach((kind, members) -> row(table, kind, members));
    row(table, "all", tensors);
    return table.lines();
  }

  private static String kind(MergeReport.Merged tensor) {
    String name = tensor.name().replaceFirst("^blk\\.\\d+\\.", "").replaceFirst("\\.weight$", "");
    return tensor.from() == tensor.to()
        ? name + " " + tensor.to()
        : name + " " + tensor.from() + " to " + tensor.to();
  }

  private static void row(TableText table, String name, List<MergeReport.Merged> tensors) {
    Survival sum = MergeReport.total(tensors);
    double least = tensors.stream().mapToDouble(t -> t.survival().kept()).min().orElse(Double.NaN);
    table.row(
        name,
        Words.count(tensors.size()),
        figure("%.3f", sum.kept()),
        figure("%.3f", least),
        figure("%.3f", sum.noise()),
        Words.percent(sum.changedShare()));
  }

  /// How near a merged file is to the base with the adapters, and the verdict.
  static List<String> lines(MergeVerification verification) {
    TableText table = new TableText("in llama.cpp", "max", "mean", "KL", "same first", "loss");
    table.row("base", "", "", "", "", figure("%.4f", verification.baseLoss()));
    table.row("base with adapter", "", "", "", "", figure("%.4f", verification.adapterLoss()));
    table.row("merged file", "", "", "", "", figure("%.4f", verification.mergedLoss()));
    row(table, "adapter's effect", verification.effect());
    row(table, "merged, from base with adapter", verification.difference());
    List<String> lines = new ArrayList<>(table.lines());
    lines.add(verdict(verification));
    return lines;
  }

  private static String verdict(MergeVerification verification) {
    String measured =
        "it is off by %s of the adapter's effect (limit %s)"
            .formatted(
                Words.percent(verification.lostShare()), Words.percent(MergeVerification.LIMIT));
    return switch (verification.verdict()) {
      case PASSED -> "verified: the merged file answers like base and adapter; " + measured;
      case FAILED -> "FAILED: the merged file doesn't answer like base and adapter; " + measured;
      case INCONCLUSIVE -> "inconclusive: the adapter changes nothing in llama.cpp";
    };
  }

  private static void row(TableText table, String name, LogitsDifference difference) {
    table.row(
        name,
        figure("%.3g", difference.maximum()),
        figure("%.3g", difference.mean()),
        figure("%.2e", difference.divergence()),
        Words.percent(difference.agreement()),
        "");
  }

  private List<String> advice() {
    boolean lost =
        verification
            .map(measured -> measured.verdict() != Verification.Verdict.PASSED)
            .orElse(false);
    if (!lost && !(MergeReport.total(report.tensors()).kept() < LITTLE_KEPT)) {
      return List.of();
    }
    return List.of(
        "Rounding took much of what the adapter does. Remedies: --keep-quality 0.01 with --data,",
        "which gives the tensors that need it a larger type; --type Q8_0; or an adapter that was",
        "trained longer, or with train --for merged.");
  }

  private static String figure(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  /// Everything that [#lines] sums up, tensor by tensor.
  String json() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("seconds", report.seconds());
    all.put("bytes_read", report.bytesRead());
    all.put("bytes_written", report.bytesWritten());
    all.put("copied", report.copied());
    all.put("all", json(MergeReport.total(report.tensors())));
    List<Map<String, Object>> tensors = new ArrayList<>();
    for (MergeReport.Merged tensor : report.tensors()) {
      Map<String, Object> each = new LinkedHashMap<>();
      each.put("name", tensor.name());
      each.put("from", tensor.fromName());
      each.put("to", tensor.toName());
      each.putAll(json(tensor.survival()));
      tensors.add(each);
    }
    all.put("tensors", tensors);
    verification.ifPresent(measured -> all.put("verification", json(measured)));
    return JsonText.of(all);
  }

  private static Map<String, Object> json(Survival survival) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("update_norm", survival.updateNorm());
    json.put("kept", survival.kept());
    json.put("noise", survival.noise());
    json.put("changed", survival.changedShare());
    return json;
  }

  static Map<String, Object> json(MergeVerification verification) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("effect_divergence", verification.effect().divergence());
    json.put("merged_divergence", verification.difference().divergence());
    json.put("merged_agreement", verification.difference().agreement());
    json.put("base_loss", verification.baseLoss());
    json.put("adapter_loss", verification.adapterLoss());
    json.put("merged_loss", verification.mergedLoss());
    json.put("passed", verification.verdict() == Verification.Verdict.PASSED);
    json.put("verdict", verification.verdict().name().toLowerCase(Locale.ROOT));
    return json;
  }
}
