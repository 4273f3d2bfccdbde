package io.lorikeet.train.goal;

import io.lorikeet.models.architecture.Objective;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.train.data.MicroBatch;
import java.util.List;
import java.util.Map;

/// Learning from examples: the mean cross-entropy of the tokens with loss.
public final class TokenGoal implements Goal {
  public TokenGoal() {}

  @Override
  public double count(MicroBatch batch) {
    return batch.tokens().targetCount();
  }

  @Override
  public Round begin(TransformerModel model, List<MicroBatch> batches) {
    return new Round() {
      private double sum;
      private double all;

      @Override
      public Objective objective(MicroBatch batch) {
        return Objective.TARGETS;
      }

      @Override
      public void add(MicroBatch batch, float[] losses) {
        sum += batch.loss(losses);
        all += count(batch);
      }

      @Override
      public GoalResult result() {
        return new GoalResult(sum, all, Map.of());
      }
    };
  }
}
