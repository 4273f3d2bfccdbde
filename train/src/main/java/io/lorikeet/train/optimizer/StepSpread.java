package io.lorikeet.train.optimizer;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.train.checkpoint.StateValues;
import io.lorikeet.train.data.MicroBatch;
import java.util.List;
import java.util.Map;

/// Running means of the losses and gradient norms of a run, over some twenty steps, and limits for
/// new ones. The limits are wide: a noisy run must not be stopped. A loss has to be ten standard
/// deviations above the mean and half as much again above anything that the first steps had. A norm
/// has to be a thousand times the geometric mean and ten times the first steps'.
public final class StepSpread {
  private static final double NEWEST = 0.05;
  private static final int FIRST_STEPS = 20;
  private static final double DEVIATIONS = 10;
  private static final double ABOVE_FIRST_LOSSES = 1.5;
  private static final double ABOVE_MEAN_NORM = 1000;
  private static final double ABOVE_FIRST_NORMS = 10;

  private long steps;
  private double lossMean;
  private double lossVariance;
  private double highestFirstLoss;
  private double logNormMean;
  private double highestFirstNorm;

  public StepSpread() {}

  /// As it was when it was saved.
  public static StepSpread of(GgufMetadata saved) {
    StepSpread spread = new StepSpread();
    spread.steps = saved.requireInteger(StateValues.key("spread.steps"));
    spread.lossMean = saved.requireReal(StateValues.key("spread.loss_mean"));
    spread.lossVariance = saved.requireReal(StateValues.key("spread.loss_variance"));
    spread.highestFirstLoss = saved.requireReal(StateValues.key("spread.highest_first_loss"));
    spread.logNormMean = saved.requireReal(StateValues.key("spread.log_norm_mean"));
    spread.highestFirstNorm = saved.requireReal(StateValues.key("spread.highest_first_norm"));
    return spread;
  }

  public void save(Map<String, GgufValue> values) {
    values.put(StateValues.key("spread.steps"), StateValues.whole(steps));
    values.put(StateValues.key("spread.loss_mean"), StateValues.real(lossMean));
    values.put(StateValues.key("spread.loss_variance"), StateValues.real(lossVariance));
    values.put(StateValues.key("spread.highest_first_loss"), StateValues.real(highestFirstLoss));
    values.put(StateValues.key("spread.log_norm_mean"), StateValues.real(logNormMean));
    values.put(StateValues.key("spread.highest_first_norm"), StateValues.real(highestFirstNorm));
  }

  /// @throws SpikeException when this step's numbers are far outside
  public void check(int step, double loss, double norm, List<MicroBatch> batches) {
    if (steps < FIRST_STEPS) {
      return;
    }
    double deviation = Math.sqrt(lossVariance);
    if (loss > lossMean + DEVIATIONS * deviation && loss > ABOVE_FIRST_LOSSES * highestFirstLoss) {
      throw SpikeException.ofLoss(step, loss, lossMean, batches);
    }
    double usual = Math.exp(logNormMean);
    if (norm > ABOVE_MEAN_NORM * usual && norm > ABOVE_FIRST_NORMS * highestFirstNorm) {
      throw SpikeException.ofGradient(step, norm, usual, batches);
    }
  }

  /// Counts a step that was taken.
  public void add(double loss, double norm) {
    double logNorm = Math.log(Math.max(norm, Double.MIN_NORMAL));
    steps++;
    // The plain mean at first, so that the first step doesn't weigh more than others.
    double weight = Math.max(NEWEST, 1.0 / steps);
    double difference = loss - lossMean;
    lossMean += weight * difference;
    lossVariance = (1 - weight) * (lossVariance + weight * difference * difference);
    logNormMean += weight * (logNorm - logNormMean);
    if (steps <= FIRST_STEPS) {
      highestFirstLoss = Math.max(highestFirstLoss, loss);
      highestFirstNorm = Math.max(highestFirstNorm, norm);
    }
  }
}
