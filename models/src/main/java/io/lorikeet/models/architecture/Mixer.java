package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;

/// The part of a layer in which tokens see each other.
interface Mixer {

  /// A name for profiles.
  String name();

  /// @param x normed hidden states `[embedding, tokens]` of the whole batch
  /// @return the addend of the hidden states, of the same shape
  Tensor apply(Tape tape, Tensor x);
}
