package io.lorikeet.cli;

import io.lorikeet.finetune.sweep.RateTest;
import io.lorikeet.finetune.text.BrailleChart;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.loop.StopRequest;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.util.Locale;
import java.util.OptionalDouble;

/// A range test of learning rates in words, for `train --find-learning-rate`.
final class RateTestText {
  private static final int ROWS = 8;
  private static final int USUAL_COLUMNS = 80;
  private static final int AXIS_COLUMNS = 11;

  private final ProgressLine line;
  private final Main main;

  RateTestText(ProgressLine line, Main main) {
    this.line = line;
    this.main = main;
  }

  void run(TrainingOptions options) throws IOException {
    StopRequest stop = new StopRequest();
    main.interruption().onArrival(stop::make);
    RateTest test;
    try {
      test = RateTest.run(options, stop, this::on);
    } finally {
      main.interruption().leaveAtOnce();
    }
    curve(test);
    OptionalDouble suggestion = test.suggestion();
    if (suggestion.isEmpty()) {
      line.sentence(
          "no suggestion: the loss didn't fall at any rate. Look at the data with lorikeet data");
      return;
    }
    line.sentence(
        String.format(
            Locale.ROOT,
            "the smoothed loss is lowest at %.1e (%.4f); a rate well below that is suggested. Nothing was kept. Train with:",
            test.bestRate(),
            test.bestLoss()));
    line.println("  --learning-rate " + suggestion.getAsDouble());
  }

  private void on(TrainingEvent event) {
    switch (event) {
      case TrainingEvent.Warning(String text) -> line.sentence("warning: " + text);
      case TrainingEvent.StepDone step ->
          line.update(
              "step %s/%s".formatted(step.step(), step.steps()),
              String.format(Locale.ROOT, "rate %.1e  loss %.4f", step.learningRate(), step.loss()));
      default -> {}
    }
  }

  private void curve(RateTest test) {
    double[] losses = test.losses().stream().mapToDouble(Double::doubleValue).toArray();
    if (losses.length == 0) {
      return;
    }
    int width = Math.max(10, main.screen().width().orElse(USUAL_COLUMNS) - AXIS_COLUMNS);
    double high =
        Math.min(test.highestLoss(), 2 * losses[0]); // a loss beyond that is off the chart
    line.println("smoothed loss at rates that rise by the same factor at each step:");
    new BrailleChart(width, ROWS, test.bestLoss(), high).lines(losses).forEach(line::println);
    String from = String.format(Locale.ROOT, "%.1e", test.rates().getFirst());
    String to = String.format(Locale.ROOT, "%.1e", test.rates().getLast());
    line.println(
        " ".repeat(AXIS_COLUMNS - 1)
            + from
            + " ".repeat(Math.max(1, width - from.length() - to.length()))
            + to);
  }
}
