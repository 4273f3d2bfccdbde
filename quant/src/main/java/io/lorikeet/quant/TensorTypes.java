package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// Which types ggml computes with: it ends the process on weights of others, as on a norm that
/// isn't F32, and asks no backend before.
final class TensorTypes {
  /// Whole numbers, numbers that no operation takes, and what ggml turns activations into.
  private static final Set<TensorType> NO_WEIGHTS =
      EnumSet.of(
          TensorType.I8,
          TensorType.I16,
          TensorType.I32,
          TensorType.I64,
          TensorType.F64,
          TensorType.Q8_1,
          TensorType.Q8_K);

  /// Tables of token or expert numbers, which some architectures have.
  private static final List<String> TABLES = List.of("d2t", "ffn_gate_tid2eid");

  private TensorTypes() {}

  /// @throws InvalidInputException naming every tensor of a type that can't be computed with
  static void check(GgufFile model) {
    List<String> problems = new ArrayList<>();
    for (GgufTensor tensor : model.tensors()) {
      if (NO_WEIGHTS.contains(tensor.type())) {
        if (TABLES.stream().noneMatch(tensor.name()::contains)) {
          problems.add(
              "%s is %s, which holds no weights"
                  .formatted(tensor.name(), tensor.type().ggmlName()));
        }
      } else if (tensor.type() != TensorType.F32 && isAddedOrMultiplied(tensor)) {
        problems.add("%s is %s instead of f32".formatted(tensor.name(), tensor.type().ggmlName()));
      }
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          model.path() + ": tensors of types that can't be computed with; convert the model again",
          problems);
    }
  }

  /// Norms and biases: vectors, but for those that are a product's matrix of one row.
  private static boolean isAddedOrMultiplied(GgufTensor tensor) {
    String name = tensor.name();
    boolean matrix = name.contains("_inp") || name.startsWith("cls");
    return name.contains("norm") || tensor.shape().size() == 1 && !matrix;
  }
}
