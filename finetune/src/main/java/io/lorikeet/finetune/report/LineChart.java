package io.lorikeet.finetune.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/// Curves over the steps of a run as inline SVG, with axes, their values for the pointer, and a
/// table of the same numbers for those who don't see the picture.
///
/// @param title with the unit
/// @param curves over the same steps where the first is a band
/// @param banded whether the first curve is drawn as a band from its least to its greatest values;
///     the others are lines
/// @param points single values, such as validations, that are joined by a line
/// @param marks events at steps
/// @param logarithmic whether the values' axis is
record LineChart(
    String title,
    List<Curve> curves,
    boolean banded,
    List<Point> points,
    List<Mark> marks,
    boolean logarithmic) {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 240;
  private static final int LEFT = 68; // report.js has it too
  private static final int RIGHT = 12;
  private static final int TOP = 12;
  private static final int BOTTOM = 28;
  private static final int MOST_ROWS = 40;
  private static final int MOST_CIRCLES = 60;
  private static final int TICKS = 5;
  private static final int COLORS = 6; // in the page's style
  private static final int MILLION = 1_000_000;

  /// Curves of runs that needn't have the same steps.
  static LineChart ofLines(String title, List<Curve> curves) {
    return new LineChart(title, curves, false, List.of(), List.of(), false);
  }

  /// @param name in the legend and the table
  record Point(String name, double step, double value) {}

  /// @param kind of the event, such as `resumed`: class of its line in the page's style
  /// @param text of the event
  record Mark(double step, String kind, String text) {}

  /// The part of an axis that is shown.
  private record AxisRange(double low, double high) {
    static AxisRange around(DoubleStream values) {
      double[] finite = values.filter(Double::isFinite).toArray();
      double low = DoubleStream.of(finite).min().orElse(0);
      double high = DoubleStream.of(finite).max().orElse(1);
      double room = high > low ? 0.04 * (high - low) : Math.max(1e-9, 0.1 * Math.abs(high));
      return new AxisRange(low - room, high + room);
    }

    /// Logarithms of round numbers in this range: 1, 2 and 5 times a power of ten, or over more
    /// than two of them these alone; where there are too few, as [#ticks].
    List<Double> powerTicks() {
      List<Double> ticks = new ArrayList<>();
      for (int power = (int) Math.floor(low); power <= high; power++) {
        for (int factor : high - low > 2 ? new int[] {1} : new int[] {1, 2, 5}) {
          double tick = power + Math.log10(factor);
          if (tick >= low && tick <= high) {
            ticks.add(tick);
          }
        }
      }
      return ticks.size() < 2 ? ticks() : ticks;
    }

    /// Round numbers in this range, by steps of 1, 2 or 5 times a power of ten.
    List<Double> ticks() {
      double rough = (high - low) / TICKS;
      double power = Math.pow(10, Math.floor(Math.log10(rough)));
      double step =
          power
              * DoubleStream.of(1, 2, 5, 10)
                  .filter(factor -> factor * power >= rough)
                  .findFirst()
                  .orElse(10);
      List<Double> ticks = new ArrayList<>();
      for (long i = (long) Math.ceil(low / step); i * step <= high; i++) {
        ticks.add(i * step);
      }
      return ticks;
    }
  }

  /// The chart; a sentence where there is nothing to draw.
  String html() {
    String heading = "<figure class=chart><figcaption>" + Html.text(title) + "</figcaption>\n";
    if (curves.stream().allMatch(curve -> curve.buckets().isEmpty()) && points.isEmpty()) {
      return heading + "<p>Nothing was measured yet.</p></figure>\n";
    }
    LineChart drawn = logarithmic ? withLogarithms() : this;
    return heading + drawn.legend() + drawn.svg() + table() + "</figure>\n";
  }

  private LineChart withLogarithms() {
    List<Point> logarithms =
        points.stream().map(p -> new Point(p.name(), p.step(), Math.log10(p.value()))).toList();
    return new LineChart(
        title, curves.stream().map(Curve::logarithms).toList(), banded, logarithms, marks, true);
  }

  private String legend() {
    StringBuilder legend = new StringBuilder("<p class=legend>");
    for (int i = 0; i < curves.size(); i++) {
      legend.append(entry(style(i), curves.get(i).name()));
    }
    if (!points.isEmpty()) {
      legend.append(entry("cp", points.getFirst().name()));
    }
    marks.stream().map(Mark::kind).distinct().forEach(kind -> legend.append(entry(kind, kind)));
    return legend.append("</p>\n").toString();
  }

  private static String entry(String style, String name) {
    return "<span class=entry><span class=%s></span>%s</span> ".formatted(style, Html.text(name));
  }

  /// The class of a curve in the page's style.
  private String style(int curve) {
    return banded ? (curve == 0 ? "band" : "l" + (curve - 1)) : "l" + curve % COLORS;
  }

  private String svg() {
    AxisRange steps =
        AxisRange.around(
            DoubleStream.concat(
                curves.stream()
                    .flatMapToDouble(c -> c.buckets().stream().mapToDouble(Curve.Bucket::step)),
                points.stream().mapToDouble(Point::step)));
    AxisRange values =
        AxisRange.around(
            DoubleStream.concat(
                curves.stream()
                    .flatMapToDouble(
                        c ->
                            c.buckets().stream()
                                .flatMapToDouble(b -> DoubleStream.of(b.least(), b.greatest()))),
                points.stream().mapToDouble(Point::value)));
    Plot plot = new Plot(steps, values);
    StringBuilder svg = new StringBuilder();
    svg.append(
        "<svg viewBox='0 0 %d %d' role=img aria-label='%s' data-x='%s' data-y='%s' data-log=%s>\n"
            .formatted(
                WIDTH,
                HEIGHT,
                Html.text(title + " over the steps; the table below has the numbers"),
                plot.range(steps),
                plot.range(values),
                logarithmic));
    axes(svg, plot);
    for (Mark mark : marks) {
      svg.append(
          "<line class='m %1$s' x1=%2$s x2=%2$s y1=%3$d y2=%4$d><title>%5$s</title></line>\n"
              .formatted(
                  mark.kind(), plot.x(mark.step()), TOP, HEIGHT - BOTTOM, Html.text(mark.text())));
    }
    for (int i = 0; i < curves.size(); i++) {
      curve(svg, plot, curves.get(i), i);
    }
    points(svg, plot);
    return svg.append("<g class=hover></g></svg>\n").toString();
  }

  private void axes(StringBuilder svg, Plot plot) {
    List<Double> ticks = logarithmic ? plot.values().powerTicks() : plot.values().ticks();
    for (double tick : ticks) {
      String y = plot.y(tick);
      svg.append(
          "<line class=grid x1=%d x2=%d y1=%s y2=%s />".formatted(LEFT, WIDTH - RIGHT, y, y));
      svg.append(
          "<text class=tick x=%d y=%s dy=4 text-anchor=end>%s</text>\n"
              .formatted(LEFT - 6, y, tickText(logarithmic ? Math.pow(10, tick) : tick)));
    }
    for (double tick : plot.steps().ticks()) {
      if (tick >= 0 && tick == Math.rint(tick)) {
        svg.append(
            "<text class=tick x=%s y=%d text-anchor=middle>%s</text>\n"
                .formatted(plot.x(tick), HEIGHT - BOTTOM + 14, number(tick)));
      }
    }
    svg.append(
        "<text class=tick x=%d y=%d text-anchor=end>step</text>\n"
            .formatted(WIDTH - RIGHT, HEIGHT - 3));
  }

  /// Six characters at most, so that it has room beside the axis on a phone too.
  static String tickText(double value) {
    String text = number(value);
    return text.length() <= 6 && Math.abs(value) >= 1e-3 || value == 0
        ? text
        : String.format(Locale.ROOT, "%.1e", value)
            .replace(".0e", "e")
            .replaceFirst("e([-+])0", "e$1")
            .replace("e+", "e");
  }

  private void curve(StringBuilder svg, Plot plot, Curve curve, int number) {
    List<Curve.Bucket> finite =
        curve.buckets().stream().filter(b -> Double.isFinite(b.mean())).toList();
    if (finite.isEmpty()) {
      return;
    }
    StringBuilder path = new StringBuilder();
    if (banded && number == 0) {
      finite.forEach(
          b -> path.append(path.isEmpty() ? 'M' : 'L').append(plot.at(b.step(), b.greatest())));
      finite.reversed().forEach(b -> path.append('L').append(plot.at(b.step(), b.least())));
      path.append('Z');
    } else {
      finite.forEach(
          b -> path.append(path.isEmpty() ? 'M' : 'L').append(plot.at(b.step(), b.mean())));
    }
    svg.append(
        "<path class=%s d='%s' data-name='%s' "
            .formatted(style(number), path, Html.text(curve.name())));
    svg.append("data-points='");
    finite.forEach(
        b -> svg.append(number(b.step())).append(',').append(number(b.mean())).append(' '));
    svg.append("' />\n");
  }

  private void points(StringBuilder svg, Plot plot) {
    List<Point> finite = points.stream().filter(p -> Double.isFinite(p.value())).toList();
    if (finite.isEmpty()) {
      return;
    }
    StringBuilder path = new StringBuilder();
    finite.forEach(
        p -> path.append(path.isEmpty() ? 'M' : 'L').append(plot.at(p.step(), p.value())));
    svg.append(
        "<path class=cp d='%s' data-name='%s' data-points='"
            .formatted(path, Html.text(points.getFirst().name())));
    finite.forEach(
        p -> svg.append(number(p.step())).append(',').append(number(p.value())).append(' '));
    svg.append("' />\n");
    for (Point p : finite.size() <= MOST_CIRCLES ? finite : List.<Point>of()) {
      svg.append(
          "<circle class=cp cx=%s cy=%s r=3 />\n".formatted(plot.x(p.step()), plot.y(p.value())));
    }
  }

  /// The numbers of the picture: of every so many buckets where they are many.
  private String table() {
    StringBuilder tables = new StringBuilder();
    if (banded) {
      tables.append(bandTable());
    } else {
      curves.forEach(
          curve ->
              tables.append(
                  Html.table(
                      List.of("step", curve.name()),
                      shown(curve.buckets()).stream()
                          .map(b -> List.of(number(b.step()), number(b.mean())))
                          .toList())));
    }
    if (!points.isEmpty()) {
      tables.append(
          Html.table(
              List.of("step", points.getFirst().name()),
              shown(points).stream()
                  .map(p -> List.of(number(p.step()), number(p.value())))
                  .toList()));
    }
    return "<details><summary>Numbers</summary>" + tables + "</details>\n";
  }

  private String bandTable() {
    Curve band = curves.getFirst();
    List<Curve> others = curves.subList(1, curves.size());
    List<String> headers =
        new ArrayList<>(List.of("step", band.name() + ", least", "mean", "greatest"));
    others.stream().map(Curve::name).forEach(headers::add);
    List<Integer> places = IntStream.range(0, band.buckets().size()).boxed().toList();
    List<List<String>> rows = new ArrayList<>();
    for (int place : shown(places)) {
      Curve.Bucket bucket = band.buckets().get(place);
      List<String> row = new ArrayList<>();
      DoubleStream.of(bucket.step(), bucket.least(), bucket.mean(), bucket.greatest())
          .mapToObj(LineChart::number)
          .forEach(row::add);
      others.forEach(curve -> row.add(number(curve.buckets().get(place).mean())));
      rows.add(row);
    }
    return Html.table(headers, rows);
  }

  /// So few of these that a table of them can be read; the last is among them.
  private static <T> List<T> shown(List<T> all) {
    int count = Math.min(MOST_ROWS, all.size());
    return IntStream.range(0, count)
        .mapToObj(i -> all.get((int) ((i + 1L) * all.size() / count) - 1))
        .toList();
  }

  /// Six digits at most.
  static String number(double value) {
    if (Double.isNaN(value)) {
      return "–";
    }
    if (value == Math.rint(value) && Math.abs(value) < 1e15) {
      return Long.toString((long) value);
    }
    double size = Math.abs(value);
    if (size >= 1e-4 && size < 1e6) {
      long millionths = Math.round(1e6 * size);
      String text =
          millionths / MILLION + "." + String.valueOf(MILLION + millionths % MILLION).substring(1);
      int end = 7;
      while (text.charAt(end - 1) == '0') {
        end--;
      }
      return (value < 0 ? "-" : "")
          + text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
    }
    return String.format(Locale.ROOT, "%.3e", value);
  }

  /// Places in the picture.
  private record Plot(AxisRange steps, AxisRange values) {
    String x(double step) {
      double share = (step - steps.low()) / (steps.high() - steps.low());
      return pixel(LEFT + share * (WIDTH - LEFT - RIGHT));
    }

    String y(double value) {
      double share = (value - values.low()) / (values.high() - values.low());
      return pixel(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM));
    }

    String at(double step, double value) {
      return x(step) + "," + y(value);
    }

    String range(AxisRange range) {
      return range.low() + "," + range.high();
    }

    /// To a tenth. A page has tens of thousands of places, so nothing that parses a format.
    private static String pixel(double place) {
      return Double.toString(Math.round(10 * place) / 10.0);
    }
  }
}
