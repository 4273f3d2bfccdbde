package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.CausalConvolution;
import io.lorikeet.models.autodiff.DeltaNet;
import io.lorikeet.models.autodiff.SavedResult;
import io.lorikeet.models.autodiff.Tape;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The tensors of a layer in a graph under construction, by what follows the layer in their names.
///
/// @param epsilon of the norms
record LayerTensors(GraphInputs inputs, String prefix, float epsilon) {

  /// The placeholder of a tensor.
  ///
  /// @throws IllegalArgumentException when the base has none
  Tensor weight(String name) {
    return inputs.weight(prefix, name);
  }

  /// The placeholder of a tensor, or null where the base doesn't have it.
  @Nullable Tensor find(String name) {
    return inputs.find(prefix, name);
  }

  boolean has(String name) {
    return find(name) != null;
  }

  /// x `[n, …]` normed, where the base has this norm.
  ///
  /// @param name null for none
  Tensor norm(Tape tape, @Nullable String name, Tensor x) {
    return norm(tape, name, x, epsilon);
  }

  /// The same with an epsilon of its own.
  Tensor norm(Tape tape, @Nullable String name, Tensor x, float ownEpsilon) {
    Tensor gain = name == null ? null : find(name);
    return gain == null ? x : tape.rmsNorm(x, gain, ownEpsilon);
  }

  /// The linear map `name` of x `[k, t]`: `[n, t]`.
  ///
  /// @param firstToken index of x's first token in the batch
  Tensor linear(Tape tape, String name, Tensor x, int firstToken) {
    return linears(tape, List.of(name), x, firstToken).getFirst();
  }

  /// The linear maps `names` of one x `[k, t]`: as [#linear], but that the matrices A are
  /// multiplied as one where they can be.
  List<Tensor> linears(Tape tape, List<String> names, Tensor x, int firstToken) {
    JoinedPairs joined = inputs.joined(prefix, names);
    if (joined == null) {
      return names.stream().map(name -> alone(tape, name, x, firstToken)).toList();
    }
    Shape tokens = Shape.of(1, x.shape().ne1());
    Tensor low =
        joined.first().scaled(tape, tape.trainedProduct(joined.a(), x), tokens, firstToken);
    SavedResult kept = inputs.savedLow(prefix, joined, low.shape(), firstToken);
    List<Tensor> parts = tape.parts(kept == null ? low : tape.kept(low, kept), joined.ranks());
    List<Tensor> results = new ArrayList<>();
    for (String name : names) {
      AdaptedLinear linear = inputs.linear(prefix, name);
      AdaptedLinear.Pair pair = Objects.requireNonNull(linear.pair(), "it is joined with others");
      Tensor part = parts.get(joined.pairs().indexOf(pair));
      results.add(linear.apply(tape, x, pair, part, saved(name, linear, x, firstToken)));
    }
    return results;
  }

  private Tensor alone(Tape tape, String name, Tensor x, int firstToken) {
    AdaptedLinear linear = inputs.linear(prefix, name);
    return linear.apply(tape, x, firstToken, saved(name, linear, x, firstToken));
  }

  private @Nullable SavedResult saved(String name, AdaptedLinear linear, Tensor x, int firstToken) {
    Shape shape = Shape.of(linear.weight().shape().ne1(), x.shape().ne1());
    return inputs.savedProjection(prefix, name, shape, firstToken);
  }

  /// The causal convolution with the kernels `name`.
  CausalConvolution convolution(PassShape shape, String name) {
    return new CausalConvolution(
        shape.rows(), shape.context(), weight(name), inputs.constant("follows"));
  }

  /// How states go through chunks of tokens.
  ///
  /// @param grouped whether heads of values that share a head of keys follow each other
  DeltaNet states(PassShape shape, boolean grouped) {
    return new DeltaNet(
        shape.rows(),
        shape.context(),
        inputs.constant("chunk_sums"),
        inputs.constant("chunk_identity"),
        inputs.constant("indices", shape.context()),
        inputs.constant("seen_until", shape.tokens()),
        grouped,
        inputs.isBackward());
  }

  /// The adapter of a tensor, or null.
  AdaptedLinear.@Nullable Pair pair(String name) {
    return inputs.pair(prefix, name);
  }
}
