package io.lorikeet.finetune.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/// The training loss of a run that goes on: smoothed, and the direction it takes.
public final class RunningLoss {
  /// Steps over which smoothing forgets, as a share of all steps, and at least 1.
  private static final double SMOOTHED_SHARE = 0.03;

  /// Losses that a direction is seen in.
  private static final int FEWEST = 8;

  private static final int MOST = 60;

  /// Standard errors that two halves have to lie apart: chance does that in 1 of 20 cases.
  private static final double CLEAR = 2;

  /// A direction.
  public enum Trend {
    /// Not enough steps were seen.
    UNKNOWN,
    FALLING,
    /// Any change is within what single steps differ by.
    LEVEL,
    RISING
  }

  private final double decay;
  private final Deque<Double> newest = new ArrayDeque<>();
  private double sum;
  private double weight;

  /// @param steps steps in all
  public RunningLoss(int steps) {
    decay = 1 - 1 / Math.max(1, SMOOTHED_SHARE * steps);
  }

  /// Takes the next step's loss. One that isn't finite is passed over.
  public void add(double loss) {
    if (!Double.isFinite(loss)) {
      return;
    }
    sum = decay * sum + (1 - decay) * loss;
    weight = decay * weight + (1 - decay);
    newest.add(loss);
    if (newest.size() > MOST) {
      newest.remove();
    }
  }

  /// The exponential moving average, whose weights are corrected at the beginning as Adam's are;
  /// NaN before the first loss.
  public double smoothed() {
    return weight == 0 ? Double.NaN : sum / weight;
  }

  /// Compares the means of the older and the newer half of the last 60 losses.
  public Trend trend() {
    if (newest.size() < FEWEST) {
      return Trend.UNKNOWN;
    }
    Iterator<Double> losses = newest.iterator();
    Half older = Half.of(losses, newest.size() / 2);
    Half newer = Half.of(losses, newest.size() - newest.size() / 2);
    double apart = newer.mean - older.mean;
    double error = Math.sqrt(older.errorSquared + newer.errorSquared);
    if (Math.abs(apart) <= CLEAR * error) {
      return Trend.LEVEL;
    }
    return apart < 0 ? Trend.FALLING : Trend.RISING;
  }

  /// @param errorSquared of the mean
  private record Half(double mean, double errorSquared) {
    private static Half of(Iterator<Double> losses, int count) {
      double mean = 0;
      double squares = 0; // of distances to the mean, as Welford adds them up
      for (int i = 1; i <= count; i++) {
        double loss = losses.next();
        double distance = loss - mean;
        mean += distance / i;
        squares += distance * (loss - mean);
      }
      return new Half(mean, squares / (count - 1) / count);
    }
  }
}
