package io.lorikeet.train.memory;

import io.lorikeet.models.family.DeltaNetConfig;
import io.lorikeet.models.family.Experts;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.Mamba2Config;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.ShortConvolutionConfig;
import io.lorikeet.models.family.StateConfig;
import io.lorikeet.models.text.GreedyAnswers;

/// The host memory that llama.cpp takes to answer a run's prompts beside the trainer. The weights
/// aren't in it: they stay in the mapped file.
final class SampleMemory {
  /// The vocabulary in llama.cpp's maps, as measured for each token.
  private static final int OF_A_TOKEN = 400;

  /// Hidden states of a batch that are there at one time, besides the feed-forward part's.
  private static final int HIDDEN_STATES = 8;

  /// llama.cpp holds a batch's logits where they are computed and where they are read.
  private static final int COPIES_OF_LOGITS = 2;

  private final ModelConfig model;
  private final int context;
  private final int sequences;

  /// @param prompts how many, at least 1
  /// @param context tokens of a prompt and its answer at most
  SampleMemory(ModelConfig model, int prompts, int context) {
    this.model = model;
    this.context = context;
    sequences = GreedyAnswers.sequences(prompts, context);
  }

  /// Bytes at most.
  long bytes() {
    return (long) OF_A_TOKEN * model.vocabulary()
        + Float.BYTES * (remembered() + GreedyAnswers.batch(model.vocabulary()) * ofABatchToken());
  }

  /// Floats of keys, values and states.
  private long remembered() {
    long ofToken = 0;
    long states = 0;
    for (LayerConfig layer : model.layerConfigs()) {
      if (layer.attends() && !layer.borrowsKeys()) {
        ofToken += 2L * layer.keyValueWidth();
      }
      states += layer.state().map(this::state).orElse(0L);
    }
    return GreedyAnswers.remembered(sequences, context) * ofToken + sequences * states;
  }

  private long state(StateConfig state) {
    return switch (state) {
      case DeltaNetConfig net ->
          (long) net.valueHeads() * net.headSize() * net.headSize()
              + (long) net.kernel() * net.width();
      case Mamba2Config space ->
          (long) space.width() * space.stateSize() + (long) space.kernel() * space.convolved();
      case ShortConvolutionConfig convolution -> (long) convolution.kernel() * model.embedding();
    };
  }

  /// Floats of activations for each token of a batch: scores of the attention, the feed-forward
  /// part, logits.
  private long ofABatchToken() {
    Experts experts = model.experts();
    long wide =
        experts == null
            ? 2L * model.feedForward()
            : (long) experts.used() * (2L * experts.width() + model.embedding())
                + 2L * Math.max(experts.sharedWidth(), model.feedForward());
    return 2L * model.heads() * GreedyAnswers.remembered(1, context)
        + HIDDEN_STATES * (long) Math.max(model.embedding(), model.heads() * model.headSize())
        + wide
        + (long) COPIES_OF_LOGITS * model.vocabulary();
  }
}
