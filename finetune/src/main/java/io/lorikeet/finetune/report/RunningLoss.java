package io.lorikeet.finetune.report;

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

  /// The last [#MOST] losses; the `n`-th of all is at `n % MOST`.
  private final double[] newest = new double[MOST];

  private long count;
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
    newest[(int) (count++ % MOST)] = loss;
  }

  /// The exponential moving average, whose weights are corrected at the beginning as Adam's are;
  /// NaN before the first loss.
  public double smoothed() {
    return weight == 0 ? Double.NaN : sum / weight;
  }

  /// Compares the means of the older and the newer half of the last 60 losses.
  public Trend trend() {
    if (count < FEWEST) {
      return Trend.UNKNOWN;
    }
    long first = Math.max(0, count - MOST);
    long middle = first + (count - first) / 2;
    Half older = half(first, middle);
    Half newer = half(middle, count);
    double apart = newer.mean - older.mean;
    double error = Math.sqrt(older.errorSquared + newer.errorSquared);
    if (Math.abs(apart) <= CLEAR * error) {
      return Trend.LEVEL;
    }
    return apart < 0 ? Trend.FALLING : Trend.RISING;
  }

  private Half half(long from, long to) {
    double mean = 0;
    double squares = 0; // of distances to the mean, as Welford adds them up
    long taken = 0;
    for (long i = from; i < to; i++) {
      double loss = newest[(int) (i % MOST)];
      double distance = loss - mean;
      mean += distance / ++taken;
      squares += distance * (loss - mean);
    }
    return new Half(mean, squares / (taken - 1) / taken);
  }

  /// @param errorSquared of the mean
  private record Half(double mean, double errorSquared) {}
}
