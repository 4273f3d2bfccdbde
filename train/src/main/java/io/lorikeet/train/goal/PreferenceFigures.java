package io.lorikeet.train.goal;

import java.util.LinkedHashMap;
import java.util.Map;

/// Means over the answers of a step or a validation, for people to see what is learned.
final class PreferenceFigures {
  private final Mean chosenReward = new Mean();
  private final Mean rejectedReward = new Mean();
  private final Mean chosenLogp = new Mean();
  private final Mean rejectedLogp = new Mean();
  private final Mean right = new Mean();
  private final Mean distance = new Mean();

  private static final class Mean {
    private double sum;
    private long count;

    void add(double value) {
      sum += value;
      count++;
    }
  }

  /// @param wanted whether it is the better one, or good
  /// @param compared whether there is a reference
  void add(PreferenceLoss.JudgedAnswer answer, double reward, boolean wanted, boolean compared) {
    (wanted ? chosenReward : rejectedReward).add(reward);
    (wanted ? chosenLogp : rejectedLogp).add(answer.logp());
    if (compared) {
      distance.add(Math.abs(answer.logp() - answer.reference()) / answer.tokens());
    }
  }

  /// Whether the better answer has the higher reward.
  void judged(boolean isRight) {
    right.add(isRight ? 1 : 0);
  }

  /// By their keys in the metrics; those that there is nothing for are left out.
  Map<String, Double> values() {
    Map<String, Double> values = new LinkedHashMap<>();
    put(values, "reward_chosen", chosenReward);
    put(values, "reward_rejected", rejectedReward);
    if (chosenReward.count > 0 && rejectedReward.count > 0) {
      values.put(
          "reward_margin",
          chosenReward.sum / chosenReward.count - rejectedReward.sum / rejectedReward.count);
    }
    put(values, "reward_accuracy", right);
    put(values, "logp_chosen", chosenLogp);
    put(values, "logp_rejected", rejectedLogp);
    put(values, "reference_distance", distance);
    return values;
  }

  private static void put(Map<String, Double> values, String key, Mean mean) {
    if (mean.count > 0) {
      values.put(key, mean.sum / mean.count);
    }
  }
}
