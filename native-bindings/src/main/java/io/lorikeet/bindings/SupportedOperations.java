package io.lorikeet.bindings;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;

/// Which of the operations that training uses a backend has, as ggml says, for which types of
/// weights.
public final class SupportedOperations {
  /// A row length that all blocks of quantized values divide.
  private static final int WIDTH = 256;

  private static final int ROWS = 32;
  private static final RopeParameters ROPE = new RopeParameters(64, 0, 4096, 10000, 1, 0, 1, 32, 1);

  private final Backend backend;
  private final Map<String, Set<TensorType>> byWeight = new LinkedHashMap<>();
  private final Map<String, Boolean> activations = new LinkedHashMap<>();

  private SupportedOperations(Backend backend) {
    this.backend = backend;
  }

  /// Asks a backend. Nothing is computed.
  public static SupportedOperations of(Backend backend) {
    SupportedOperations result = new SupportedOperations(backend);
    result.askWeights();
    result.askActivations();
    return result;
  }

  /// For each operation on weights the types that it takes them in.
  public Map<String, Set<TensorType>> byWeight() {
    return byWeight;
  }

  /// For each other operation whether the backend has it.
  public Map<String, Boolean> activations() {
    return activations;
  }

  /// The types that matrices of a base can have: those of ggml but Q8_1 and Q8_K, which are for
  /// activations within its kernels, whatever a backend says of them.
  public static List<TensorType> weightTypes() {
    List<TensorType> types = new ArrayList<>();
    for (TensorType type : TensorType.values()) {
      boolean internal = type == TensorType.Q8_1 || type == TensorType.Q8_K;
      if (!internal && OpList.holdsReals(type)) {
        types.add(type);
      }
    }
    return types;
  }

  private void askWeights() {
    askWeights(
        "mul_mat (a product)",
        (ops, type) -> ops.mulMat(matrix(ops, type), matrix(ops, TensorType.F32)));
    askWeights(
        "get_rows (embedding, dequantizing)",
        (ops, type) -> ops.getRows(matrix(ops, type), indices(ops)));
    askWeights(
        "mul_mat_id (a product with experts)",
        (ops, type) ->
            new ExpertOps(ops)
                .mulMat(
                    ops.placeholder("w", type, Shape.of(WIDTH, ROWS, 4)),
                    ops.placeholder("x", TensorType.F32, Shape.of(WIDTH, 1, ROWS)),
                    ops.placeholder("chosen", TensorType.I32, Shape.of(2, ROWS))));
  }

  private void askWeights(String name, BiFunction<Ops, TensorType, Tensor> operation) {
    Set<TensorType> types = new LinkedHashSet<>();
    for (TensorType type : weightTypes()) {
      try (Ops ops = new Ops()) {
        if (backend.supports(operation.apply(ops, type))) {
          types.add(type);
        }
      }
    }
    byWeight.put(name, types);
  }

  private void askActivations() {
    ask("out_prod", ops -> ops.outProd(x(ops), x(ops)));
    ask("mul_mat of bf16", ops -> ops.mulMat(matrix(ops, TensorType.BF16), x(ops)));
    ask("cast to bf16", ops -> ops.cast(x(ops), TensorType.BF16));
    ask("cast of a transpose to bf16", ops -> ops.cast(ops.transpose(x(ops)), TensorType.BF16));
    ask("cont of a permutation", ops -> ops.cont(ops.permute(heads(ops), 0, 2, 1, 3)));
    ask("concat", ops -> ops.concat(x(ops), x(ops), 1));
    ask("add", ops -> ops.add(x(ops), x(ops)));
    ask("mul", ops -> ops.mul(x(ops), x(ops)));
    ask("clamp", ops -> ops.clamp(x(ops), 0, 1));
    ask("repeat", ops -> ops.repeat(x(ops), Shape.of(WIDTH, 2 * ROWS)));
    ask("sum_rows", ops -> ops.sumRows(x(ops)));
    ask("sum", ops -> ops.sum(x(ops)));
    ask("argmax", ops -> ops.argmax(x(ops)));
    ask("log", ops -> ops.log(x(ops)));
    ask("rms_norm", ops -> ops.rmsNorm(x(ops), 1e-5f));
    ask("rms_norm_back", ops -> ops.rmsNormBack(x(ops), x(ops), 1e-5f));
    ask("rope", ops -> new RopeOps(ops).rope(heads(ops), indices(ops), null, ROPE));
    ask("rope_back", ops -> new RopeOps(ops).back(heads(ops), indices(ops), null, ROPE));
    ask("soft_max with mask", ops -> ops.softMax(x(ops), x(ops), 1));
    ask("soft_max_back", ops -> ops.softMaxBack(x(ops), x(ops), 1));
    ask("swiglu", ops -> ops.swiglu(x(ops), x(ops)));
    ask("silu_back", ops -> ops.siluBack(x(ops), x(ops)));
    ask("geglu", ops -> new Activations(ops).geglu(x(ops), x(ops)));
    ask("exp", ops -> new Activations(ops).exp(x(ops)));
    ask("softplus", ops -> new Activations(ops).softplus(x(ops)));
    ask("solve_tri", ops -> new StateOps(ops).solveLower(square(ops), square(ops)));
    ask("pad along ne1", ops -> new StateOps(ops).padColumns(x(ops), 1, 0));
    ask("get_rows_back", ops -> ops.getRowsBack(x(ops), indices(ops), x(ops)));
    ask("set_rows", ops -> ops.setRows(x(ops), x(ops), indices(ops)));
    ask("opt_step_adamw", SupportedOperations::adamW);
  }

  private void ask(String name, Function<Ops, Tensor> operation) {
    try (Ops ops = new Ops()) {
      activations.put(name, backend.supports(operation.apply(ops)));
    }
  }

  private static Tensor adamW(Ops ops) {
    Tensor parameters = ops.placeholder("hyperparameters", TensorType.F32, Shape.of(7));
    return ops.adamW(x(ops), x(ops), x(ops), x(ops), parameters);
  }

  private static Tensor matrix(Ops ops, TensorType type) {
    return ops.placeholder("matrix", type, Shape.of(WIDTH, ROWS));
  }

  private static Tensor x(Ops ops) {
    return matrix(ops, TensorType.F32);
  }

  private static Tensor square(Ops ops) {
    return ops.placeholder("square", TensorType.F32, Shape.of(64, 64, 4));
  }

  private static Tensor heads(Ops ops) {
    return ops.placeholder("heads", TensorType.F32, Shape.of(64, 4, ROWS));
  }

  private static Tensor indices(Ops ops) {
    return ops.placeholder("indices", TensorType.I32, Shape.of(ROWS));
  }
}
