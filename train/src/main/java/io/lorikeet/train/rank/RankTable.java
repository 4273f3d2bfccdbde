package io.lorikeet.train.rank;

import io.lorikeet.models.lora.PairStart;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Ranks as a table: a line for each layer, a column for each kind of matrix.
final class RankTable {
  private static final Pattern OF_LAYER = Pattern.compile("blk\\.(\\d+)\\.(.*)\\.weight");

  private RankTable() {}

  /// @param held share of the variance that a matrix's directions hold
  static List<String> lines(Map<String, PairStart> starts, Map<String, Double> held) {
    Map<String, Map<String, String>> rows = new LinkedHashMap<>();
    Set<String> kinds = new LinkedHashSet<>();
    Map<String, List<Double>> shares = new LinkedHashMap<>();
    starts.forEach(
        (name, start) -> {
          Matcher layer = OF_LAYER.matcher(name);
          boolean ofLayer = layer.matches();
          String kind = ofLayer ? layer.group(2) : name.replace(".weight", "");
          kinds.add(kind);
          shares.computeIfAbsent(kind, _ -> new ArrayList<>()).add(held.get(name));
          rows.computeIfAbsent(ofLayer ? layer.group(1) : "", _ -> new LinkedHashMap<>())
              .put(kind, String.valueOf(start.rank()));
        });
    List<String> lines = new ArrayList<>();
    StringBuilder head = new StringBuilder("layer");
    kinds.forEach(kind -> head.append("  ").append(kind));
    lines.add(head.toString());
    rows.forEach((layer, cells) -> lines.add(line(layer, cells, kinds)));
    Map<String, String> means = new LinkedHashMap<>();
    shares.forEach(
        (kind, all) -> {
          double mean = all.stream().mapToDouble(share -> share).average().orElse(0);
          means.put(kind, String.format(Locale.ROOT, "%.0f%%", 100 * mean));
        });
    lines.add(line("held", means, kinds));
    return lines;
  }

  private static String line(String layer, Map<String, String> cells, Set<String> kinds) {
    StringBuilder line = new StringBuilder(padded(layer, "layer".length()));
    for (String kind : kinds) {
      line.append("  ").append(padded(cells.getOrDefault(kind, ""), kind.length()));
    }
    return line.toString();
  }

  private static String padded(String text, int width) {
    return " ".repeat(Math.max(0, width - text.length())) + text;
  }
}
