package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;

/// A residual branch of a layer: it adds something to the hidden states. A layer is a list of such
/// branches, each of which goes on from the result of the one before.
interface Branch {

  /// A name for profiles.
  String name();

  /// Whether tokens see each other in this branch. Such a branch takes all tokens of the batch at a
  /// time; another takes any run of them.
  boolean mixesTokens();

  /// The hidden states with what this branch adds to them.
  ///
  /// @param x hidden states `[embedding, t]`
  /// @param firstToken index of x's first token in the batch
  Tensor apply(Tape tape, Tensor x, int firstToken);
}
