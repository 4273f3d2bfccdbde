package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// Sums the gradients of trained matrices within a graph, on top of what earlier runs left in them.
public final class ParameterGradients {
  private final Ops ops;
  private final Map<Parameter, Tensor> sums = new LinkedHashMap<>();

  public ParameterGradients(Ops ops) {
    this.ops = ops;
  }

  /// Adds a contribution and has it computed at this point of the graph, so that what it needs can
  /// be freed.
  void add(Parameter parameter, Tensor gradient) {
    Tensor sum = ops.add(gradient, sums.getOrDefault(parameter, gradient(parameter)));
    ops.schedule(sum);
    sums.put(parameter, sum);
  }

  /// Adds the sum over tokens of the outer products of x `[k, t]` and y `[n, t]`.
  void addOuter(Kernels kernels, Parameter parameter, Tensor x, Tensor y) {
    kernels.outerInto(x, y, gradient(parameter)).ifPresent(gradient -> add(parameter, gradient));
  }

  private static Tensor gradient(Parameter parameter) {
    return Objects.requireNonNull(parameter.gradient(), "a graph with gradients");
  }

  /// Has the sums written back, once the graph has all contributions.
  public void store() {
    sums.forEach((parameter, sum) -> ops.schedule(ops.copy(sum, gradient(parameter))));
    sums.clear();
  }
}
