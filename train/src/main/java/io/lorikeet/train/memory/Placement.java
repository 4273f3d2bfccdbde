package io.lorikeet.train.memory;

import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.train.settings.OptimizerState;

/// How a run is laid out in memory. The same run gives the same adapter however it is laid out,
/// beyond rounding.
///
/// @param shape how a pass is cut into blocks, tiles and chunks
/// @param savedInputs where the layers' inputs are kept for backward
/// @param savedActivations results of each layer that are kept on the device for backward; only
///     with the layers' inputs there, layers that stay, and one batch after the other
/// @param optimizerState where the optimizer's moments are kept
/// @param streamed whether the layers' weights are brought to the device when they are needed,
///     rather than kept there
/// @param passes batches that go through a layer before the next one's turn
public record Placement(
    PassShape shape,
    SavedInputs savedInputs,
    SavedActivations savedActivations,
    OptimizerState optimizerState,
    boolean streamed,
    int passes) {

  public Placement {
    if (savedActivations != SavedActivations.NONE
        && (savedInputs != SavedInputs.DEVICE || streamed || passes != 1)) {
      throw new IllegalArgumentException(
          "activations are only kept beside layers' inputs on the device, not streamed, in one pass");
    }
  }

  /// With all activations computed again in backward.
  public Placement(
      PassShape shape,
      SavedInputs savedInputs,
      OptimizerState optimizerState,
      boolean streamed,
      int passes) {
    this(shape, savedInputs, SavedActivations.NONE, optimizerState, streamed, passes);
  }

  /// Everything in the device's memory.
  public static Placement onDevice(PassShape shape, SavedActivations saved) {
    return new Placement(shape, SavedInputs.DEVICE, saved, OptimizerState.DEVICE, false, 1);
  }

  /// The same with the moments elsewhere.
  Placement with(OptimizerState state) {
    return new Placement(shape, savedInputs, savedActivations, state, streamed, passes);
  }

  /// The same with other activations kept.
  public Placement saving(SavedActivations saved) {
    return new Placement(shape, savedInputs, saved, optimizerState, streamed, passes);
  }
}
