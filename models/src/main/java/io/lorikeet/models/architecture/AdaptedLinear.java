package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Parameter;
import io.lorikeet.models.autodiff.SavedResult;
import io.lorikeet.models.autodiff.Tape;
import org.jspecify.annotations.Nullable;

/// A frozen linear map with its adapter, as placeholders of a graph: y = W x + scaling · B A
/// dropout(x) + bias, in the order of llama.cpp's `build_lora_mm`. On tokens that an activated
/// adapter doesn't act on, A dropout(x) is 0.
///
/// @param weight W `[k, n]`
/// @param bias `[n]`, or null
/// @param pair the adapter, or null
record AdaptedLinear(Tensor weight, @Nullable Tensor bias, @Nullable Pair pair) {

  /// An adapter's placeholders.
  ///
  /// @param dropout mask `[k, tokens]`, or null
  /// @param adapted 1 for each token that it acts on, else 0: `[tokens]`; null where it acts on
  ///     all
  /// @param folded whether W holds B A already, see [FoldedWeights]
  record Pair(
      Parameter a,
      Parameter b,
      float scaling,
      @Nullable Tensor dropout,
      @Nullable Tensor adapted,
      boolean folded) {

    /// The factor of B, A x.
    ///
    /// @param low A x `[rank, t]`, or `[rank, used, t]` of experts
    /// @param tokens `[1, t]`, or `[1, 1, t]`
    /// @param firstToken index of the first of the t tokens in the batch
    /// @return scaled, and 0 for tokens that the adapter doesn't act on
    Tensor scaled(Tape tape, Tensor low, Shape tokens, int firstToken) {
      Tensor scaled = tape.scale(low, scaling);
      if (adapted == null) {
        return scaled;
      }
      Ops ops = tape.ops();
      long offset = firstToken * adapted.stride(0);
      Tensor part = ops.view(adapted, Shape.of(tokens.elements()), offset);
      return tape.mask(scaled, ops.reshape(part, tokens));
    }
  }

  /// @param x `[k, t]`
  /// @param firstToken index of x's first token in the batch, which dropout's mask goes by
  Tensor apply(Tape tape, Tensor x, int firstToken) {
    return apply(tape, x, firstToken, null);
  }

  /// @param x `[k, t]`
  /// @param firstToken index of x's first token in the batch, which dropout's mask goes by
  /// @param saved the result without its bias, `[n, t]`, or null
  Tensor apply(Tape tape, Tensor x, int firstToken, @Nullable SavedResult saved) {
    return biased(tape, product(tape, x, firstToken, saved));
  }

  /// The same, where A's part has been computed.
  ///
  /// @param low scaling · A x `[rank, t]`, 0 for tokens that the adapter doesn't act on
  Tensor apply(Tape tape, Tensor x, Pair own, Tensor low, @Nullable SavedResult saved) {
    return biased(tape, tape.adaptedProduct(weight, x, own.b(), low, saved));
  }

  private Tensor biased(Tape tape, Tensor y) {
    return bias == null ? y : tape.addBias(y, bias);
  }

  private Tensor product(Tape tape, Tensor x, int firstToken, @Nullable SavedResult saved) {
    if (pair == null || pair.folded()) {
      Tensor y = tape.frozenProduct(weight, x, saved);
      return pair == null ? y : tape.foldedUpdate(pair.a(), pair.b(), pair.scaling(), x, y);
    }
    Tensor mask = pair.dropout();
    Tensor input = mask == null ? x : tape.mask(x, maskFor(tape, mask, x, firstToken));
    Tensor low =
        pair.scaled(
            tape, tape.trainedProduct(pair.a(), input), Shape.of(1, x.shape().ne1()), firstToken);
    return tape.adaptedProduct(weight, x, pair.b(), low, saved);
  }

  private static Tensor maskFor(Tape tape, Tensor mask, Tensor x, int firstToken) {
    Shape shape = x.shape();
    return tape.ops().view(mask, shape, firstToken * mask.stride(1));
  }
}
