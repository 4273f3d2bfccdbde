package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// Sums the gradients of trained matrices within a graph, and then adds each sum to what earlier
/// runs left. So a batch's gradient is a sum of its own, wherever the batches before are computed.
public final class ParameterGradients {
  private final Ops ops;
  private final Map<Parameter, Tensor> sums = new LinkedHashMap<>();

  public ParameterGradients(Ops ops) {
    this.ops = ops;
  }

  /// Adds a contribution and has it computed at this point of the graph, so that what it needs can
  /// be freed.
  void add(Parameter parameter, Tensor gradient) {
    ops.schedule(sums.merge(parameter, gradient, (sum, more) -> ops.add(more, sum)));
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
          Tensor total = Objects.requireNonNull(parameter.gradient(), "a graph with gradients");
          ops.schedule(ops.addInPlace(total, sum));
        });
    sums.clear();
  }
}
