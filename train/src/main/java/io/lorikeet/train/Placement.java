package io.lorikeet.train;

import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedInputs;

/// How a run is laid out in memory. The same run gives the same adapter however it is laid out,
/// beyond rounding.
///
/// @param shape how a pass is cut into blocks, tiles and chunks
/// @param savedInputs where the layers' inputs are kept for backward
/// @param optimizerState where the optimizer's moments are kept
/// @param streamed whether the layers' weights are brought to the device when they are needed,
///     rather than kept there
/// @param passes batches that go through a layer before the next one's turn
public record Placement(
    PassShape shape,
    SavedInputs savedInputs,
    OptimizerState optimizerState,
    boolean streamed,
    int passes) {

  /// Everything in the device's memory.
  public static Placement onDevice(PassShape shape) {
    return new Placement(shape, SavedInputs.DEVICE, OptimizerState.DEVICE, false, 1);
  }

  /// The same with the moments elsewhere.
  Placement with(OptimizerState state) {
    return new Placement(shape, savedInputs, state, streamed, passes);
  }
}
