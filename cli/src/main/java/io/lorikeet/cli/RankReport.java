package io.lorikeet.cli;

import io.lorikeet.export.analysis.AdapterCombiner;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.lora.LoraAdapter;
import java.io.PrintWriter;
import java.util.Map;

/// The part of an adapter that is kept at a lower rank, in words.
final class RankReport {

  private RankReport() {}

  /// Lowers the rank and says what is kept.
  static LoraAdapter compress(LoraAdapter adapter, int rank, PrintWriter out) {
    AdapterCombiner.Compressed compressed = AdapterCombiner.compress(adapter, rank);
    Map.Entry<String, Double> worst =
        compressed.energy().entrySet().stream().min(Map.Entry.comparingByValue()).orElseThrow();
    out.println(
        "rank %s keeps %s of the changes' energy (|ΔW|²); least in %s: %s"
            .formatted(
                rank,
                Words.percent(compressed.totalEnergy()),
                worst.getKey(),
                Words.percent(worst.getValue())));
    return compressed.adapter();
  }
}
