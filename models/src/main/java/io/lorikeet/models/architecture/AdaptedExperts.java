package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.ExpertChoice;
import io.lorikeet.models.autodiff.Tape;
import org.jspecify.annotations.Nullable;

/// The frozen linear maps of all experts, with an adapter for each, as placeholders of a graph.
/// With the matrices of each token's experts, y = scale · W x + scaling · B A dropout(x) + bias
/// (`build_lora_mm_id` in llama.cpp).
///
/// @param weight W `[k, n, experts]`
/// @param scale `[experts]`, or null
/// @param bias `[n, experts]`, or null
/// @param pair the adapters `[k, rank, experts]` and `[rank, n, experts]`, or null
record AdaptedExperts(
    Tensor weight,
    @Nullable Tensor scale,
    @Nullable Tensor bias,
    AdaptedLinear.@Nullable Pair pair) {

  /// @param x `[k, 1, t]`, or `[k, used, t]` with an input of its own for each of a token's experts
  /// @param firstToken index of x's first token in the batch, which dropout's mask goes by
  Tensor apply(Tape tape, Tensor x, ExpertChoice choice, int firstToken) {
    Tensor y = tape.frozenExperts(weight, x, choice);
    if (scale != null) {
      y = tape.mask(y, chosen(tape, scale, choice));
    }
    if (pair != null) {
      Tensor mask = pair.dropout();
      Tensor input = mask == null ? x : tape.mask(x, maskFor(tape, mask, x, firstToken));
      Tensor low =
          pair.scaled(
              tape,
              tape.trainedExperts(pair.a(), input, choice),
              Shape.of(1, 1, x.shape().ne2()),
              firstToken);
      y = tape.add(y, tape.trainedExperts(pair.b(), low, choice));
    }
    return bias == null ? y : tape.addExpertBias(y, bias, choice);
  }

  /// The chosen of a vector `[experts]`, `[1, used, t]`.
  private static Tensor chosen(Tape tape, Tensor vector, ExpertChoice choice) {
    Shape shape = choice.indices().shape();
    Tensor column = tape.ops().reshape(vector, Shape.of(1, vector.shape().ne0()));
    Tensor flat = tape.ops().reshape(choice.indices(), Shape.of(shape.elements()));
    Tensor picked = tape.ops().getRows(column, flat);
    return tape.ops().reshape(picked, Shape.of(1, shape.ne0(), shape.ne1()));
  }

  /// The same for all experts of a token.
  private static Tensor maskFor(Tape tape, Tensor mask, Tensor x, int firstToken) {
    Shape shape = Shape.of(x.shape().ne0(), x.shape().ne2());
    Tensor part = tape.ops().view(mask, shape, firstToken * mask.stride(1));
    return tape.ops().reshape(part, Shape.of(x.shape().ne0(), 1, x.shape().ne2()));
  }
}
