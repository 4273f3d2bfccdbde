package io.lorikeet.train.memory;

import io.lorikeet.models.architecture.PassShape;
import io.lorikeet.models.architecture.SavedInputs;
import io.lorikeet.train.settings.OptimizerState;

/// How a run is laid out in memory. The same run gives the same adapter however it is laid out,
/// beyond rounding.
///
/// @param shape how a pass is cut into blocks, tiles and chunks
/// @param savedInputs where the layers' inputs are kept for backward
/// @param keepsAttention whether what attention gave in each layer is kept for backward too, on the
///     device; only with the layers' inputs there, layers that stay, and one batch after the other
/// @param optimizerState where the optimizer's moments are kept
/// @param streamed whether the layers' weights are brought to the device when they are needed,
///     rather than kept there
/// @param passes batches that go through a layer before the next one's turn
public record Placement(
    PassShape shape,
    SavedInputs savedInputs,
    boolean keepsAttention,
    OptimizerState optimizerState,
    boolean streamed,
    int passes) {

  public Placement {
    if (keepsAttention && (savedInputs != SavedInputs.DEVICE || streamed || passes != 1)) {
      throw new IllegalArgumentException(
          "attention is only kept beside layers' inputs on the device, not streamed, in one pass");
    }
  }

  /// With attention computed again in backward.
  public Placement(
      PassShape shape,
      SavedInputs savedInputs,
      OptimizerState optimizerState,
      boolean streamed,
      int passes) {
    this(shape, savedInputs, false, optimizerState, streamed, passes);
  }

  /// Everything in the device's memory, attention too.
  public static Placement onDevice(PassShape shape) {
    return new Placement(shape, SavedInputs.DEVICE, true, OptimizerState.DEVICE, false, 1);
  }

  /// The same with the moments elsewhere.
  Placement with(OptimizerState state) {
    return new Placement(shape, savedInputs, keepsAttention, state, streamed, passes);
  }

  /// The same with attention kept, or computed again in backward.
  public Placement keepingAttention(boolean keeps) {
    return new Placement(shape, savedInputs, keeps, optimizerState, streamed, passes);
  }
}
