package io.lorikeet.finetune.report;

import io.lorikeet.train.run.RunMetrics;
import java.util.List;

/// The numbers of a run's steps in columns, from one pass: a run can have millions of steps.
///
/// @param numbers of the steps, ascending
/// @param losses in nats per target token
/// @param rates the learning rates
/// @param norms of the gradients before clipping
/// @param speeds in tokens per second
/// @param allTokens of all steps
/// @param allSeconds of all steps
/// @param haveFigures whether a step has figures of preferences
record StepSeries(
    double[] numbers,
    double[] losses,
    double[] rates,
    double[] norms,
    double[] speeds,
    long allTokens,
    double allSeconds,
    boolean haveFigures) {

  static StepSeries of(List<RunMetrics.Step> steps) {
    double[][] columns = new double[5][steps.size()];
    long tokens = 0;
    double seconds = 0;
    boolean figures = false;
    for (int i = 0; i < steps.size(); i++) {
      RunMetrics.Step step = steps.get(i);
      columns[0][i] = step.number();
      columns[1][i] = step.loss();
      columns[2][i] = step.learningRate();
      columns[3][i] = step.gradientNorm();
      columns[4][i] = step.tokens() / step.seconds();
      tokens += step.tokens();
      seconds += step.seconds();
      figures |= !step.figures().isEmpty();
    }
    return new StepSeries(
        columns[0], columns[1], columns[2], columns[3], columns[4], tokens, seconds, figures);
  }
}
