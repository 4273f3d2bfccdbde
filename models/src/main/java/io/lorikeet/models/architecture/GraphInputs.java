package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.autodiff.GraphKernels;
import io.lorikeet.models.autodiff.Parameter;
import io.lorikeet.models.autodiff.ParameterGradients;
import io.lorikeet.models.autodiff.SavedResult;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The inputs of a graph under construction: placeholders of weights and adapters by name, and the
/// constants of the pass. The same names are pointed at another layer's tensors by [#bind].
final class GraphInputs {
  private final Engine engine;
  private final Ops ops = new Ops();
  private final GraphKernels kernels;
  private final ParameterGradients parameterGradients = new ParameterGradients(ops);
  private final int tokens;
  private final boolean backward;
  private final Map<String, Tensor> weights = new HashMap<>();
  private final Map<String, Tensor> frozenWeights = new HashMap<>();
  private final Map<String, AdaptedLinear.Pair> pairs = new HashMap<>();

  /// Matrices A that are multiplied as one, by the first one's weight.
  private final Map<String, Parameter> joinedParameters = new HashMap<>();

  /// The gradients of all A of a layer, and of all B.
  private final Map<Boolean, Tensor> layerGradients = new HashMap<>();

  private final List<PartOfLayer> partsOfLayer = new ArrayList<>();
  private final Map<String, Tensor> saved = new HashMap<>();
  private @Nullable Tensor adapted;

  /// A placeholder of some bytes of a tensor for each layer.
  private record PartOfLayer(Tensor placeholder, Tensor all, long bytes) {}

  /// @param tokens tokens that the graph takes at a time
  /// @param backward whether the graph computes gradients
  /// @param parts how many parts of its tokens it takes one after the other
  GraphInputs(Engine engine, int tokens, boolean backward, int parts) {
    this.engine = engine;
    this.tokens = tokens;
    this.backward = backward;
    kernels =
        new GraphKernels(
            ops,
            engine.backend(),
            engine.precision(),
            constant("row_numbers"),
            engine.shape().keepsCopies() && (backward || parts > 1));
  }

  Ops ops() {
    return ops;
  }

  /// Whether the graph computes gradients.
  boolean isBackward() {
    return backward;
  }

  ParameterGradients parameterGradients() {
    return parameterGradients;
  }

  /// A tape for a part of the graph.
  Tape newTape() {
    return new Tape(ops, kernels, parameterGradients);
  }

  Kernels kernels() {
    return kernels.kernels();
  }

  /// A tensor of [PassInputs].
  Tensor constant(String name) {
    return ops.constant(engine.inputs().get(name));
  }

  /// A tensor of [PassInputs] with an element for each token or each place of the longest rows, as
  /// far as this pass's batch or row goes.
  ///
  /// @param count tokens, or places
  Tensor constant(String name, int count) {
    Tensor all = constant(name);
    Shape shape = all.shape();
    if (shape.elements() == count) {
      return all;
    }
    return ops.view(
        all,
        shape.ne1() == 1 && shape.ne2() == 1
            ? Shape.of(count)
            : Shape.of(shape.ne0(), shape.ne1(), count),
        0);
  }

  /// A part of a vector of [PassInputs] that [Graph#bind] points at one run of tokens after the
  /// other.
  Tensor runOf(String name, int tokens) {
    return ops.placeholder(name, engine.inputs().get(name).type(), Shape.of(tokens));
  }

  /// Attention's mask of the batch, see [MaskGraph]; null where there is none.
  ///
  /// @param windowed whether keys before a window are hidden
  @Nullable Tensor mask(boolean windowed) {
    if (!engine.inputs().hasMasks()) {
      return null;
    }
    PassShape shape = engine.shape();
    Tensor longest = constant(PassInputs.mask(windowed));
    return ops.view(longest, Shape.of((long) shape.tokens() * shape.context()), 0);
  }

  /// A hidden state or its gradient, `[embedding, tokens]`, or several streams of it.
  Tensor hidden(String name, int tokens) {
    return ops.placeholder(name, TensorType.F32, Shape.of(engine.config().hidden(), tokens));
  }

  /// The placeholder of what attention gives in a layer, where it is kept from forward for
  /// backward; else null.
  ///
  /// @param shape `[head size, heads, tokens]`
  @Nullable SavedResult savedAttention(String prefix, Shape shape) {
    Tensor place = saved(prefix, ActivationStore.ATTENTION, shape);
    return place == null ? null : new SavedResult(place, backward);
  }

  /// The place of a projection's result in a layer, where it is kept from forward for backward;
  /// else null.
  ///
  /// @param shape `[outputs, t]`
  /// @param firstToken index in the batch of the first of the t tokens
  @Nullable SavedResult savedProjection(String prefix, String name, Shape shape, int firstToken) {
    Tensor all = saved(prefix, name, Shape.of(shape.ne0(), tokens));
    if (all == null) {
      return null;
    }
    boolean whole = shape.ne1() == tokens;
    return new SavedResult(
        whole ? all : ops.view(all, shape, firstToken * all.stride(1)), backward);
  }

  /// The place of what the matrices A of a layer give, see [ActivationStore#LOW]; else null.
  ///
  /// @param shape `[ranks, t]`
  /// @param firstToken index in the batch of the first of the t tokens
  @Nullable SavedResult savedLow(String prefix, JoinedPairs joined, Shape shape, int firstToken) {
    long layer = (long) engine.adapter().ranks(prefix) * tokens;
    Tensor all = saved(prefix, ActivationStore.LOW, Shape.of(layer));
    if (all == null) {
      return null;
    }
    long before = (long) engine.adapter().ranksBefore(prefix, joined.offset()) * tokens;
    long first = before + firstToken * shape.ne0();
    Tensor part = ops.view(all, Shape.of(shape.elements()), first * Float.BYTES);
    return new SavedResult(ops.reshape(part, shape), backward);
  }

  private @Nullable Tensor saved(String prefix, String name, Shape shape) {
    ActivationStore store = engine.activations();
    return store == null || !store.has(prefix + name)
        ? null
        : saved.computeIfAbsent(name, n -> ops.placeholder("saved " + n, TensorType.F32, shape));
  }

  /// The placeholder of a layer's part of a tensor that serves all layers.
  ///
  /// @param all the whole tensor
  /// @param bytes from one layer's part to the next one's
  Tensor ofLayer(String name, Tensor all, Shape shape, long bytes) {
    Tensor part = ops.placeholder(name, all.type(), shape);
    partsOfLayer.add(new PartOfLayer(part, all, bytes));
    return part;
  }

  /// Keys or values that a layer borrows, for [Tape#borrow].
  ///
  /// @param gradient asked only where there are gradients
  /// @param shape `[head size, key-value heads, tokens]`
  Parameter borrowed(Tensor values, Supplier<Tensor> gradient, Shape shape) {
    return new Parameter(
        beginning(values, shape), backward ? beginning(gradient.get(), shape) : null);
  }

  /// The beginning of a tensor that stays where it is, for rows that are shorter than the longest.
  Tensor beginning(Tensor whole, Shape shape) {
    return ops.view(ops.constant(whole), shape, 0);
  }

  /// The placeholder of a base tensor, or null when the base doesn't have it.
  ///
  /// @param name the tensor's name after `prefix`
  @Nullable Tensor find(String prefix, String name) {
    return engine.weights().find(prefix + name) == null ? null : weight(prefix, name);
  }

  /// The placeholder of a base tensor.
  ///
  /// @param name the tensor's name after `prefix`
  /// @throws IllegalArgumentException when the base has none
  Tensor weight(String prefix, String name) {
    Tensor tensor = engine.weights().get(prefix + name);
    return weights.computeIfAbsent(name, n -> ops.placeholder(n, tensor.type(), tensor.shape()));
  }

  /// The placeholder of a base tensor as its file has it, wherever the adapter is rounded into it.
  Tensor frozenWeight(String name) {
    if (engine.folded() == null) {
      return weight("", name);
    }
    Tensor tensor = engine.weights().get(name);
    return frozenWeights.computeIfAbsent(
        name, n -> ops.placeholder("frozen " + n, tensor.type(), tensor.shape()));
  }

  /// The linear map `prefix` + `name` with its bias and adapter.
  AdaptedLinear linear(String prefix, String name) {
    Tensor weight = weight(prefix, name + ".weight");
    Tensor bias = find(prefix, name + ".bias");
    return new AdaptedLinear(weight, bias, pair(prefix, name + ".weight"));
  }

  /// The adapter of a base tensor, or null when it has none.
  AdaptedLinear.@Nullable Pair pair(String prefix, String name) {
    Optional<LoraSlot> slot = engine.slot(prefix + name);
    return slot.map(s -> pairs.computeIfAbsent(name, n -> newPair(prefix, s))).orElse(null);
  }

  /// The adapters of linear maps that take the same input, or null where their matrices A can't be
  /// multiplied as one. Each matrix has to begin where the one before ends, and to have a rank that
  /// [Tape#parts] takes.
  @Nullable JoinedPairs joined(String prefix, List<String> names) {
    if (!kernels().joinsSmallProducts()
        || engine.folded() != null
        || engine.inputs().hasDropout()) {
      return null;
    }
    Map<LoraSlot, AdaptedLinear.Pair> members =
        new TreeMap<>(Comparator.comparingLong(LoraSlot::aOffset));
    for (String name : names) {
      AdaptedLinear.Pair pair = pair(prefix, name + ".weight");
      if (pair == null) {
        return null;
      }
      members.put(engine.slot(prefix + name + ".weight").orElseThrow(), pair);
    }
    LoraSlot first = members.keySet().iterator().next();
    long end = first.aOffset();
    for (LoraSlot slot : members.keySet()) {
      if (slot.aOffset() != end
          || slot.scaling() != first.scaling()
          || slot.rank() % Tape.PART != 0) {
        return null;
      }
      end += slot.aShape().elements();
    }
    List<Integer> ranks = members.keySet().stream().map(LoraSlot::rank).toList();
    Shape shape = Shape.of(first.inputs(), ranks.stream().mapToInt(rank -> rank).sum());
    Parameter a =
        joinedParameters.computeIfAbsent(
            first.baseTensor().substring(prefix.length()),
            _ -> parameter(prefix, shape, true, first.aOffset()));
    return new JoinedPairs(a, List.copyOf(members.values()), ranks, first.aOffset());
  }

  private AdaptedLinear.Pair newPair(String prefix, LoraSlot slot) {
    boolean dropped = engine.inputs().hasDropout() && !slot.flipped();
    Tensor mask =
        dropped
            ? ops.placeholder("dropout", TensorType.F32, Shape.of(slot.inputs(), tokens))
            : null;
    return new AdaptedLinear.Pair(
        parameter(prefix, slot.aShape(), true, slot.aOffset()),
        parameter(prefix, slot.bShape(), false, slot.bOffset()),
        slot.scaling(),
        mask,
        engine.inputs().isActivated() ? adapted() : null,
        engine.folded() != null);
  }

  /// 1 for each token that the adapter acts on, else 0: `[tokens]`.
  private Tensor adapted() {
    if (adapted == null) {
      adapted = ops.placeholder("adapted", TensorType.F32, Shape.of(tokens));
    }
    return adapted;
  }

  /// @param offset index of its first element in the adapter's vectors
  private Parameter parameter(String prefix, Shape shape, boolean isA, long offset) {
    String name = isA ? "lora_a" : "lora_b";
    Parameter parameter =
        new Parameter(
            ops.placeholder(name, TensorType.F32, shape),
            backward ? ops.placeholder(name + "_gradient", TensorType.F32, shape) : null);
    if (backward && !prefix.isEmpty() && kernels().joinsSmallProducts()) {
      LoraParameters.Run run = engine.adapter().run(prefix, isA);
      Tensor gradients =
          layerGradients.computeIfAbsent(
              isA, _ -> ops.placeholder("layer_gradients", TensorType.F32, Shape.of(run.count())));
      parameterGradients.join(parameter, gradients, offset - run.first());
    }
    return parameter;
  }

  /// Points all placeholders at the tensors of a layer.
  void bindLayer(Graph graph, int layer) {
    bind(graph, Engine.prefix(layer), 0);
    partsOfLayer.forEach(part -> graph.bind(part.placeholder(), part.all(), layer * part.bytes()));
  }

  /// Points all placeholders of weights and adapters at the tensors called `prefix` + name, and
  /// those of saved activations at the layer's.
  ///
  /// @param firstToken index in the batch of the first token that the graph takes
  void bind(Graph graph, String prefix, int firstToken) {
    weights.forEach((name, placeholder) -> graph.bind(placeholder, engine.weight(prefix + name)));
    frozenWeights.forEach(
        (name, placeholder) -> graph.bind(placeholder, engine.weights().get(prefix + name)));
    ActivationStore store = engine.activations();
    if (store != null) {
      saved.forEach((name, placeholder) -> graph.bind(placeholder, store.get(prefix + name)));
    }
    if (adapted != null) {
      graph.bind(adapted, engine.inputs().get("adapted"), firstToken * adapted.stride(0));
    }
    joinedParameters.forEach(
        (name, a) ->
            bind(graph, a, engine.slot(prefix + name).orElseThrow().aOffset() * Float.BYTES));
    layerGradients.forEach(
        (isA, gradients) ->
            graph.bind(
                gradients,
                engine.adapter().gradients(),
                engine.adapter().run(prefix, isA).first() * Float.BYTES));
    pairs.forEach(
        (name, pair) -> {
          LoraSlot slot = engine.slot(prefix + name).orElseThrow();
          bind(graph, pair.a(), slot.aOffset() * Float.BYTES);
          bind(graph, pair.b(), slot.bOffset() * Float.BYTES);
          Tensor mask = pair.dropout();
          if (mask != null) {
            graph.bind(
                mask,
                engine.inputs().get("dropout"),
                PassInputs.dropoutOffset(prefix + name) + firstToken * mask.stride(1));
          }
        });
  }

  private void bind(Graph graph, Parameter parameter, long offset) {
    graph.bind(parameter.value(), engine.adapter().values(), offset);
    Tensor gradient = parameter.gradient();
    if (gradient != null) {
      graph.bind(gradient, engine.adapter().gradients(), offset);
    }
  }
}
