package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Tensor;

/// The experts that each token goes through. The choice itself has no gradient; the weights of the
/// chosen have.
///
/// @param indices I32 `[used, t]`
/// @param oneHot F32 `[experts, used, t]`: 1 at the chosen expert
public record ExpertChoice(Tensor indices, Tensor oneHot) {

  int used() {
    return Math.toIntExact(indices.shape().ne0());
  }

  int experts() {
    return Math.toIntExact(oneHot.shape().ne0());
  }
}
