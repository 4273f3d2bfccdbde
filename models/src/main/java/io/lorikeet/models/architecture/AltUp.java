package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// The streams of a hidden state, `[streams · embedding, t]`, of which the first is the one that
/// layers compute with (`altup_predict`, `altup_correct` in llama.cpp's `src/models/gemma3n.cpp`).
///
/// @param tensors of a layer, or of none where streams begin and end
record AltUp(ModelConfig config, LayerTensors tensors) {

  private int width() {
    return config.embedding();
  }

  private int streams() {
    return config.family().streams();
  }

  /// One of the streams: `[embedding, t]`.
  Tensor stream(Tape tape, Tensor x, int index) {
    return tape.slice(x, index * width(), width());
  }

  /// x and a mixture of its streams for each of them, weighted for each token by its first stream.
  Tensor predicted(Tape tape, Tensor x) {
    long tokens = x.shape().ne1();
    Tensor weights =
        tape.reshape(
            coefficients(tape, "altup_predict_coef.weight", stream(tape, x, 0)),
            Shape.of(streams(), streams(), tokens));
    Tensor apart = tape.reshape(x, Shape.of(width(), streams(), tokens));
    Tensor mixed = tape.product(tape.transpose(apart), weights);
    return tape.add(tape.reshape(mixed, x.shape()), x);
  }

  /// The predicted streams with what the layer made of the first, `[embedding, t]`, less its
  /// prediction: so much of it for each stream as the token's weights say.
  Tensor corrected(Tape tape, Tensor predicted, Tensor computed) {
    long tokens = predicted.shape().ne1();
    Tensor innovation = tape.add(computed, tape.scale(stream(tape, predicted, 0), -1));
    Tensor weights = tape.plus(coefficients(tape, "altup_correct_coef.weight", computed), 1);
    Tensor spread =
        tape.product(
            tape.reshape(innovation, Shape.of(1, width(), tokens)),
            tape.reshape(weights, Shape.of(1, streams(), tokens)));
    return tape.add(tape.reshape(spread, predicted.shape()), predicted);
  }

  /// x with an addend, `[embedding, t]`, in every stream but the first.
  Tensor plusInOthers(Tape tape, Tensor x, Tensor addend) {
    List<Tensor> parts = new ArrayList<>();
    parts.add(stream(tape, x, 0));
    for (int i = 1; i < streams(); i++) {
      parts.add(tape.add(stream(tape, x, i), addend));
    }
    return tape.concat(parts);
  }

  /// Weights from a linear map of how much of each kind a token is.
  private Tensor coefficients(Tape tape, String name, Tensor x) {
    Tensor normed = tape.scale(tensors.norm(tape, "altup_router_norm.weight", x), 1f / width());
    Tensor kinds = tape.frozenProduct(tensors.weight("altup_router.weight"), normed);
    return tape.frozenProduct(tensors.weight(name), tape.softCap(kinds, 1));
  }

  /// The streams that a token's embedding `[embedding, t]` begins: itself, and projections as long
  /// as it is.
  Tensor begun(Tape tape, Tensor x) {
    Tensor length = length(tape, x);
    List<Tensor> parts = new ArrayList<>(List.of(x));
    parts.addAll(
        IntStream.range(1, streams())
            .mapToObj(
                i -> tape.multiply(direction(tape, projected(tape, "altup_proj", x, i)), length))
            .toList());
    return tape.concat(parts);
  }

  /// The mean of the first stream and of the others' projections, made as long as it is.
  Tensor joined(Tape tape, Tensor x) {
    Tensor sum = stream(tape, x, 0);
    Tensor length = length(tape, sum);
    for (int i = 1; i < streams(); i++) {
      Tensor other = projected(tape, "altup_unembd_proj", stream(tape, x, i), i);
      sum = tape.add(sum, tape.multiply(direction(tape, other), length));
    }
    return tape.scale(sum, 1f / streams());
  }

  private Tensor projected(Tape tape, String name, Tensor x, int stream) {
    Tensor all = tensors.weight(name + ".weight");
    Shape one = Shape.of(width(), width());
    return tape.frozenProduct(tape.ops().view(all, one, (stream - 1) * all.stride(2)), x);
  }

  /// x over its root mean square, which is its direction times the root of its elements.
  private static Tensor direction(Tape tape, Tensor x) {
    return tape.rmsNorm(x, null, 0);
  }

  /// The root mean square of x: `[1, t]`, the product of x and [#direction] over its elements.
  private Tensor length(Tape tape, Tensor x) {
    Shape single = Shape.of(width(), 1, x.shape().ne1());
    Tensor product =
        tape.product(tape.reshape(x, single), tape.reshape(direction(tape, x), single));
    return tape.scale(tape.reshape(product, Shape.of(1, x.shape().ne1())), 1f / width());
  }
}
