package io.lorikeet.models.architecture;

import io.lorikeet.models.autodiff.Precision;
import java.util.List;

/// How a model is run.
///
/// @param shorter tokens of rows that batches may have instead of the shape's; memory isn't taken
///     for them beside it
/// @param training whether gradients are wanted; without, less memory is taken
/// @param dropout probability of dropping an input of an adapter in training
/// @param savedInputs where the layers' inputs are kept for backward
/// @param savedActivations results of each layer that are kept on the device for backward, instead
///     of being computed again; for training, with the layers' inputs on the device and one batch
///     after the other
/// @param passes batches that go through a layer before the next one's turn: where layers are
///     streamed, each is then uploaded once for all of them
/// @param folded whether the adapter is rounded into the weights it adapts, as
///     [TransformerModel#foldAdapter] does, instead of being applied apart
/// @param listed tokens that [Objective.Distributions] list at each place; 0 without such
/// @param diverges whether batches come with [Objective.FromBase], too
public record ModelOptions(
    PassShape shape,
    List<Integer> shorter,
    Precision precision,
    boolean training,
    double dropout,
    SavedInputs savedInputs,
    SavedActivations savedActivations,
    int passes,
    boolean folded,
    int listed,
    boolean diverges) {

  public ModelOptions {
    shorter = List.copyOf(shorter);
    if (savedActivations != SavedActivations.NONE
        && (!training || savedInputs != SavedInputs.DEVICE || passes != 1)) {
      throw new IllegalArgumentException(
          "activations are only kept for training on one batch after the other, with the layers'"
              + " inputs on the device");
    }
  }

  /// For one length of rows, with the layers' inputs where they are computed, one batch after the
  /// other, and the adapter applied apart.
  public ModelOptions(PassShape shape, Precision precision, boolean training, double dropout) {
    this(
        shape,
        List.of(),
        precision,
        training,
        dropout,
        SavedInputs.DEVICE,
        SavedActivations.NONE,
        1,
        false,
        0,
        false);
  }
}
