package io.lorikeet.finetune.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The median of some figures and the quartiles around it, interpolated between neighbours.
record Quartiles(double lower, double median, double upper) {

  static Quartiles of(List<Double> figures) {
    if (figures.isEmpty()) {
      throw new IllegalArgumentException("no figures");
    }
    List<Double> sorted = figures.stream().sorted().toList();
    return new Quartiles(at(sorted, 0.25), at(sorted, 0.5), at(sorted, 0.75));
  }

  /// The figure below which a share of all others lies.
  static double at(List<Double> sorted, double share) {
    double place = share * (sorted.size() - 1);
    int below = (int) place;
    int above = Math.min(below + 1, sorted.size() - 1);
    return sorted.get(below) + (place - below) * (sorted.get(above) - sorted.get(below));
  }

  /// A line of a report.
  ///
  /// @param format of each of the three figures, such as `%.1f`
  String line(String name, String format) {
    String figures = "%-32s " + "%8s  (%s to %s)";
    return String.format(
        Locale.ROOT,
        figures,
        name,
        String.format(Locale.ROOT, format, median),
        String.format(Locale.ROOT, format, lower),
        String.format(Locale.ROOT, format, upper));
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("median", median);
    json.put("lower_quartile", lower);
    json.put("upper_quartile", upper);
    return json;
  }
}
