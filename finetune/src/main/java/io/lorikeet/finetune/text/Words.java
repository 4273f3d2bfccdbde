package io.lorikeet.finetune.text;

import io.lorikeet.train.run.RunMetrics;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Numbers as people read them.
public final class Words {

  private static final String RECALL = "recall_at_1";

  private Words() {}

  /// `1,234,567`.
  public static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  /// `37 KiB`, `512 MiB` or `7.4 GiB`.
  public static String bytes(long bytes) {
    double mebibytes = bytes / (double) (1 << 20);
    if (mebibytes < 1) {
      return String.format(Locale.ROOT, "%.0f KiB", 1024 * mebibytes);
    }
    return mebibytes < 1024
        ? String.format(Locale.ROOT, "%.0f MiB", mebibytes)
        : String.format(Locale.ROOT, "%.1f GiB", mebibytes / 1024);
  }

  /// `45s`, `3m 20s` or `2h 05m`.
  public static String duration(double seconds) {
    long rounded = Math.round(seconds);
    if (rounded < 60) {
      return rounded + "s";
    }
    if (rounded < 3600) {
      return String.format(Locale.ROOT, "%dm %02ds", rounded / 60, rounded % 60);
    }
    return String.format(Locale.ROOT, "%dh %02dm", rounded / 3600, rounded / 60 % 60);
  }

  /// `12.3 %`; small shares with more digits, and those that still vanish as `below 0.01 %`.
  public static String percent(double share) {
    double percent = 100 * share;
    if (percent > 0 && percent < 0.01) {
      return "below 0.01 %";
    }
    return String.format(
        Locale.ROOT, percent >= 10 || percent == 0 ? "%.1f %%" : "%.2f %%", percent);
  }

  /// A mean loss and the perplexity it means: `2.3451 (perplexity 10.43)`.
  public static String loss(double loss) {
    return String.format(Locale.ROOT, "%.4f (perplexity %s)", loss, perplexity(loss, 2));
  }

  /// How often the nearest passage was the right one, before a run and after it; empty where no
  /// embeddings were learned.
  public static Optional<String> found(RunMetrics metrics) {
    List<RunMetrics.Validation> found =
        metrics.validations().stream().filter(v -> v.figures().containsKey(RECALL)).toList();
    if (found.isEmpty()) {
      return Optional.empty();
    }
    Map<String, Double> before = found.getFirst().figures();
    Map<String, Double> after = found.getLast().figures();
    return Optional.of(
        String.format(
            Locale.ROOT,
            "%.1f %% before, %.1f %% after; MRR %.3f before, %.3f after",
            100 * before.getOrDefault(RECALL, Double.NaN),
            100 * after.getOrDefault(RECALL, Double.NaN),
            before.getOrDefault("mrr", Double.NaN),
            after.getOrDefault("mrr", Double.NaN)));
  }

  /// The perplexity that a mean loss means, as a number that can be read: `10.43`, `1.40e+217`,
  /// `above 1e+300`.
  ///
  /// @param loss in nats for each token
  /// @param decimals of a perplexity below a million
  public static String perplexity(double loss, int decimals) {
    double perplexity = Math.exp(loss);
    if (perplexity > 1e300) {
      return "above 1e+300";
    }
    return String.format(
        Locale.ROOT, perplexity < 1e6 ? "%." + decimals + "f" : "%.2e", perplexity);
  }
}
