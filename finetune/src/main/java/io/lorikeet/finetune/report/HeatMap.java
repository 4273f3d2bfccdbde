package io.lorikeet.finetune.report;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The adapter's change of each matrix, layer by layer, as inline SVG.
final class HeatMap {
  private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\.(.+?)(\\.weight)?");
  private static final int CELL = 14;
  private static final int WIDE_CELL = 24;

  /// Layers of which the wide cells fit into a page.
  private static final int FEW_LAYERS = 24;

  private static final int LEFT = 120;
  private static final int TOP = 16;

  private HeatMap() {}

  /// A row for each kind of matrix, a column for each layer; the other matrices in a table.
  ///
  /// @param matrices not empty
  static String html(List<RunSummary.MatrixUpdate> matrices) {
    Set<String> kinds = new LinkedHashSet<>();
    TreeMap<Integer, List<RunSummary.MatrixUpdate>> layers = new TreeMap<>();
    for (RunSummary.MatrixUpdate matrix : matrices) {
      Matcher name = LAYER.matcher(matrix.tensor());
      if (name.matches()) {
        kinds.add(name.group(2));
        layers.computeIfAbsent(Integer.valueOf(name.group(1)), _ -> new ArrayList<>()).add(matrix);
      }
    }
    String picture = layers.isEmpty() ? "" : svg(List.copyOf(kinds), layers);
    return "<figure><figcaption>‖ΔW‖ of each matrix, by layer</figcaption>\n"
        + picture
        + "<details><summary>Numbers</summary>"
        + Html.table(
            List.of("matrix", "rank", "‖ΔW‖", "effective rank"),
            matrices.stream().map(HeatMap::row).toList())
        + "</details></figure>\n";
  }

  private static List<String> row(RunSummary.MatrixUpdate matrix) {
    return List.of(
        matrix.tensor(),
        Integer.toString(matrix.rank()),
        LineChart.number(matrix.norm()),
        String.format(Locale.ROOT, "%.1f", matrix.effectiveRank()));
  }

  private static String svg(
      List<String> kinds, Map<Integer, List<RunSummary.MatrixUpdate>> layers) {
    double greatest =
        layers.values().stream()
            .flatMap(List::stream)
            .mapToDouble(RunSummary.MatrixUpdate::norm)
            .max()
            .orElse(0);
    List<Integer> numbers = List.copyOf(layers.keySet());
    List<List<RunSummary.MatrixUpdate>> columns = List.copyOf(layers.values());
    int cell = numbers.size() <= FEW_LAYERS ? WIDE_CELL : CELL;
    int width = LEFT + cell * numbers.size() + 4;
    int height = TOP + CELL * kinds.size() + 4;
    StringBuilder svg = new StringBuilder();
    svg.append(
        "<div class=scroll><svg viewBox='0 0 %d %d' style='width:%dpx' role=img aria-label='Change of each matrix; the table below has the numbers'>\n"
            .formatted(width, height, width));
    svg.append("<text class=tick x=%d y=11 text-anchor=end>layer</text>\n".formatted(LEFT - 6));
    for (int row = 0; row < kinds.size(); row++) {
      svg.append(
          "<text class=tick x=%d y=%d text-anchor=end>%s</text>\n"
              .formatted(LEFT - 6, TOP + CELL * row + 11, Html.text(kinds.get(row))));
    }
    for (int column = 0; column < numbers.size(); column++) {
      int x = LEFT + cell * column;
      if (column % 5 == 0) {
        svg.append("<text class=tick x=%d y=11>%d</text>\n".formatted(x, numbers.get(column)));
      }
      for (RunSummary.MatrixUpdate matrix : columns.get(column)) {
        Matcher name = LAYER.matcher(matrix.tensor());
        int row = name.matches() ? kinds.indexOf(name.group(2)) : 0;
        double share = greatest > 0 ? matrix.norm() / greatest : 0;
        svg.append(
            String.format(
                Locale.ROOT,
                "<rect class=h x=%d y=%d width=%d height=%d fill-opacity=%.2f><title>%s: ‖ΔW‖ %s, effective rank %.1f of %d</title></rect>\n",
                x,
                TOP + CELL * row,
                cell - 1,
                CELL - 1,
                0.05 + 0.95 * share,
                Html.text(matrix.tensor()),
                LineChart.number(matrix.norm()),
                matrix.effectiveRank(),
                matrix.rank()));
      }
    }
    return svg.append("</svg></div>\n").toString();
  }
}
