package io.lorikeet.cli;

import io.lorikeet.export.analysis.PairAnalysis;
import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.settings.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/// A report on an adapter's changes of its base's weights, for people and for programs.
///
/// @param file the adapter
/// @param analyses one for each weight, all with or all without the base
/// @param baseParameters parameters of the base, if it was given
record AdapterReport(AdapterFile file, List<PairAnalysis> analyses, OptionalLong baseParameters) {
  /// Kinds of weights that need less than this share of their rank could do with a lower one.
  private static final double LITTLE = 0.5;

  /// Kinds of weights that need more than this share may want a higher one.
  private static final double MUCH = 0.9;

  /// A tensor's name with `*` for the number of its layer.
  static String withoutLayer(String tensor) {
    return tensor.replaceFirst("(^|\\.)(blk|layers|h|block|blocks)\\.[0-9]+\\.", "$1$2.*.");
  }

  /// For people.
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(summary());
    activation().ifPresent(lines::add);
    lines.addAll(table(byKind()));
    lines.addAll(advice());
    lines.add("weight by weight");
    Map<String, List<PairAnalysis>> each = new LinkedHashMap<>();
    analyses.forEach(analysis -> each.put(analysis.weight(), List.of(analysis)));
    lines.addAll(table(each));
    return lines;
  }

  private String summary() {
    LoraAdapter adapter = file.adapter();
    long parameters = adapter.parameters();
    String base =
        file.base()
            .map(
                of ->
                    "made for %s, %s, SHA-256 %s"
                        .formatted(of.name(), of.quantization(), of.hash()))
            .orElse("it doesn't say for which base");
    String share =
        baseParameters.isPresent()
            ? ", %s of the base's %s"
                .formatted(
                    Words.percent((double) parameters / baseParameters.getAsLong()),
                    Words.count(baseParameters.getAsLong()))
            : "";
    return "adapter for %s: rank %s, alpha %s, %s weights, %s parameters%s%n%s"
        .formatted(
            adapter.architecture(),
            analyses.stream()
                .map(PairAnalysis::rank)
                .distinct()
                .sorted()
                .map(String::valueOf)
                .collect(Collectors.joining(", ")),
            adapter.alpha(),
            analyses.size(),
            Words.count(parameters),
            share,
            base);
  }

  private Optional<String> activation() {
    List<Integer> tokens = file.adapter().invocationTokens();
    String text = file.training().get(Settings.INVOCATION.key());
    return tokens.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "activated LoRA (aLoRA): acts from the tokens %s in a prompt on%s"
                .formatted(tokens, text == null ? "" : ", which are " + ShellText.quoted(text)));
  }

  private Map<String, List<PairAnalysis>> byKind() {
    return analyses.stream()
        .collect(
            Collectors.groupingBy(
                analysis -> withoutLayer(analysis.weight()).replaceFirst("\\[[0-9]+]$", "[*]"),
                LinkedHashMap::new,
                Collectors.toList()));
  }

  /// One line for each group, with means over it.
  private List<String> table(Map<String, List<PairAnalysis>> groups) {
    boolean withBase = baseParameters.isPresent();
    List<String> headings =
        new ArrayList<>(
            List.of("weight", "rank", "|ΔW|", "largest", "effective rank", "rank for 99 %"));
    if (withBase) {
      headings.addAll(List.of("|ΔW|/|W|", "amplified", "inputs in common", "outputs in common"));
    }
    TableText table = new TableText(headings);
    groups.forEach(
        (name, group) -> {
          List<String> row = new ArrayList<>();
          row.add(name);
          row.add(figure(group, PairAnalysis::rank, "%.0f"));
          row.add(figure(group, PairAnalysis::norm, "%.4g"));
          row.add(figure(group, analysis -> analysis.values()[0], "%.4g"));
          row.add(figure(group, PairAnalysis::effectiveRank, "%.1f"));
          row.add(figure(group, PairAnalysis::rankFor99, "%.1f"));
          if (withBase) {
            row.add(figure(group, analysis -> base(analysis).relativeNorm(), "%.2g"));
            row.add(figure(group, analysis -> base(analysis).amplification(), "%.3g"));
            row.add(
                share(
                    group,
                    analysis -> base(analysis).inputOverlap(),
                    analysis -> base(analysis).inputOverlapByChance()));
            row.add(
                share(
                    group,
                    analysis -> base(analysis).outputOverlap(),
                    analysis -> base(analysis).outputOverlapByChance()));
          }
          table.row(row);
        });
    return table.lines();
  }

  private static PairAnalysis.AgainstBase base(PairAnalysis analysis) {
    return analysis.againstBase().orElseThrow();
  }

  private static double mean(List<PairAnalysis> group, ToDoubleFunction<PairAnalysis> figure) {
    return group.stream().mapToDouble(figure).average().orElse(0);
  }

  private static String figure(
      List<PairAnalysis> group, ToDoubleFunction<PairAnalysis> figure, String format) {
    return String.format(Locale.ROOT, format, mean(group, figure));
  }

  /// `12 % (chance 3 %)`.
  private static String share(
      List<PairAnalysis> group,
      ToDoubleFunction<PairAnalysis> share,
      ToDoubleFunction<PairAnalysis> byChance) {
    return String.format(
        Locale.ROOT,
        "%.1f %% (chance %.1f %%)",
        100 * mean(group, share),
        100 * mean(group, byChance));
  }

  private List<String> advice() {
    List<String> lines = new ArrayList<>();
    List<String> little = new ArrayList<>();
    List<String> much = new ArrayList<>();
    byKind()
        .forEach(
            (kind, group) -> {
              double used = mean(group, PairAnalysis::rankFor99) / mean(group, PairAnalysis::rank);
              (used < LITTLE ? little : used > MUCH ? much : new ArrayList<String>()).add(kind);
            });
    int most = analyses.stream().mapToInt(PairAnalysis::rankFor99).max().orElse(0);
    int highest = analyses.stream().mapToInt(PairAnalysis::rank).max().orElse(0);
    if (most > 0 && most < highest) {
      lines.add(
          "Rank %s would hold 99 %% of every change: resize --rank %s makes the file smaller."
              .formatted(most, most));
    }
    if (!little.isEmpty()) {
      lines.add("Half the rank would do for: " + String.join(", ", little));
    }
    if (!much.isEmpty()) {
      lines.add("Nearly all of the rank is used, so more may help: " + String.join(", ", much));
    }
    return lines;
  }

  /// For JSON.
  Map<String, Object> json() {
    LoraAdapter adapter = file.adapter();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("architecture", adapter.architecture());
    json.put("alpha", adapter.alpha());
    json.put("parameters", adapter.parameters());
    json.put("invocation_tokens", adapter.invocationTokens());
    if (baseParameters.isPresent()) {
      json.put("base_parameters", baseParameters.getAsLong());
      json.put("share", (double) adapter.parameters() / baseParameters.getAsLong());
    }
    json.put("base_sha256", file.base().map(BaseIdentity::hash).orElse(null));
    List<Map<String, Object>> weights = new ArrayList<>();
    for (PairAnalysis analysis : analyses) {
      Map<String, Object> each = new LinkedHashMap<>();
      each.put("weight", analysis.weight());
      each.put("rank", analysis.rank());
      each.put("parameters", analysis.parameters());
      each.put("norm", analysis.norm());
      each.put("singular_values", analysis.values());
      each.put("effective_rank", analysis.effectiveRank());
      each.put("rank_for_99_percent", analysis.rankFor99());
      analysis
          .againstBase()
          .ifPresent(
              base -> {
                each.put("norm_relative_to_base", base.relativeNorm());
                each.put("amplification", base.amplification());
                each.put("input_overlap", base.inputOverlap());
                each.put("input_overlap_by_chance", base.inputOverlapByChance());
                each.put("output_overlap", base.outputOverlap());
                each.put("output_overlap_by_chance", base.outputOverlapByChance());
              });
      weights.add(each);
    }
    json.put("weights", weights);
    return json;
  }
}
