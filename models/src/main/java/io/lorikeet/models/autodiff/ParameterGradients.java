package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// Sums the gradients of trained matrices within a graph, and then adds each sum to what earlier
/// runs left. So a batch's gradient is a sum of its own, wherever the batches before are computed.
public final class ParameterGradients {
  private final Ops ops;
  private final Map<Parameter, Tensor> sums = new LinkedHashMap<>();
  private final Map<Parameter, Place> places = new HashMap<>();

  /// The sums of joined matrices, by where they are added.
  private final Map<Tensor, Tensor> joinedSums = new LinkedHashMap<>();

  private record Place(Tensor gradients, long first) {}

  public ParameterGradients(Ops ops) {
    this.ops = ops;
  }

  /// Has a matrix's sum taken together with those of others, which are then added to the gradients
  /// as one vector.
  ///
  /// @param gradients F32 `[n]` of all those matrices, and of nothing else but zeros that stay
  ///     zeros
  /// @param first index of the matrix's first element there
  public void join(Parameter parameter, Tensor gradients, long first) {
    places.put(parameter, new Place(gradients, first));
  }

  /// Adds a contribution and has it computed at this point of the graph, so that what it needs can
  /// be freed.
  void add(Parameter parameter, Tensor gradient) {
    Tensor sum = sums.get(parameter);
    Place place = places.get(parameter);
    Tensor more;
    if (place == null) {
      more = sum == null ? gradient : ops.add(gradient, sum);
    } else {
      more =
          sum == null
              ? ops.into(gradient, joined(place, parameter))
              : ops.addInPlace(sum, gradient);
    }
    ops.schedule(more);
    sums.put(parameter, more);
  }

  private Tensor joined(Place place, Parameter parameter) {
    Tensor all =
        joinedSums.computeIfAbsent(
            place.gradients(),
            gradients -> {
              Tensor zeros = ops.scale(gradients, 0);
              ops.schedule(zeros);
              return zeros;
            });
    Shape shape = parameter.value().shape();
    Tensor part = ops.view(all, Shape.of(shape.elements()), place.first() * Float.BYTES);
    return ops.reshape(part, shape);
  }

  /// Adds the sum over tokens of the outer products of x `[k, t]` and y `[n, t]`.
  void addOuter(Kernels kernels, Parameter parameter, Tensor x, Tensor y) {
    Tensor sum = sums.get(parameter);
    if (sum == null) {
      add(parameter, kernels.outer(x, y));
    } else {
      kernels.outerInto(x, y, sum).ifPresent(gradient -> add(parameter, gradient));
    }
  }

  /// Has the sums added to the gradients, once the graph has all contributions.
  public void store() {
    sums.forEach(
        (parameter, sum) -> {
          if (places.containsKey(parameter)) {
            return;
          }
          Tensor total = Objects.requireNonNull(parameter.gradient(), "a graph with gradients");
          ops.schedule(ops.addInPlace(total, sum));
        });
    joinedSums.forEach((gradients, sum) -> ops.schedule(ops.addInPlace(gradients, sum)));
    sums.clear();
    joinedSums.clear();
  }
}
