package io.lorikeet.train.goal;

import io.lorikeet.models.architecture.Objective;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.train.data.MicroBatch;
import java.util.List;
import java.util.Map;

/// The mean, over the contents of a step's batches, that training makes less.
public interface Goal {
  /// Begins a step or a validation.
  ///
  /// @param model with the parameters that the batches are computed with
  /// @param batches all of them; may make each when it is asked for
  Round begin(TransformerModel model, List<MicroBatch> batches);

  /// The number of tokens, pairs or answers of a batch that the mean is over.
  double count(MicroBatch batch);

  /// A step, or a validation.
  interface Round {
    /// Where the gradient of a batch comes from: that of its summed losses.
    Objective objective(MicroBatch batch);

    /// The losses of a batch's places that is only measured, without dropout.
    default float[] losses(TransformerModel model, MicroBatch batch) {
      return model.losses(batch.tokens());
    }

    /// Takes the losses of a batch's places, without dropout or with, as they were computed.
    void add(MicroBatch batch, float[] losses);

    /// The figures of all that was added so far.
    GoalResult result();
  }

  /// The figures of a step, or of a validation.
  ///
  /// @param sum of the losses
  /// @param count of what the mean is over: tokens, pairs or answers
  /// @param figures further means by their keys in the metrics, such as `reward_margin`
  record GoalResult(double sum, double count, Map<String, Double> figures) {
    /// The mean.
    public double loss() {
      return sum / count;
    }
  }
}
