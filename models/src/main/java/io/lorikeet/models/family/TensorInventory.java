package io.lorikeet.models.family;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The check that a base has the tensors that its family says it has.
final class TensorInventory {
  private static final int MOST_PROBLEMS = 20;

  private final GgufFile base;
  private final TensorList list;
  private final List<String> problems = new ArrayList<>();

  private TensorInventory(GgufFile base, TensorList list) {
    this.base = base;
    this.list = list;
  }

  /// @throws InvalidInputException naming every tensor that is missing, misshapen, of a wrong type
  ///     or unknown
  static void check(GgufFile base, ModelConfig config, TensorList list) {
    TensorInventory inventory = new TensorInventory(base, list);
    inventory.compare();
    if (!inventory.problems.isEmpty()) {
      List<String> shown = inventory.problems.stream().limit(MOST_PROBLEMS).toList();
      int more = inventory.problems.size() - shown.size();
      throw new InvalidInputException(
          "%s isn't a complete %s model: %s%s"
              .formatted(
                  base.path(),
                  config.architecture(),
                  String.join("; ", shown),
                  more > 0 ? "; and " + more + " more" : ""));
    }
  }

  private void compare() {
    list.unusable()
        .forEach(
            (name, reason) -> {
              if (base.tensor(name).isPresent()) {
                problems.add(name + " " + reason);
              }
            });
    if (!problems.isEmpty()) {
      return; // other names are missing in their place
    }
    list.required()
        .forEach(
            (name, shape) -> {
              Optional<GgufTensor> tensor = base.tensor(name);
              if (tensor.isEmpty()) {
                problems.add(name + " is missing");
              } else {
                compare(tensor.get(), shape);
              }
            });
    list.optional().forEach((name, shape) -> base.tensor(name).ifPresent(t -> compare(t, shape)));
    for (GgufTensor tensor : base.tensors()) {
      if (!list.isLeftAlone(tensor.name())
          && !list.required().containsKey(tensor.name())
          && !list.optional().containsKey(tensor.name())) {
        problems.add(tensor.name() + " is unknown, and leaving it out would change the result");
      }
    }
  }

  private void compare(GgufTensor tensor, List<Long> shape) {
    if (!trimmed(tensor.shape()).equals(trimmed(shape))) {
      problems.add(tensor.name() + " has the shape " + tensor.shape() + " instead of " + shape);
    } else if (list.isExact(tensor.name()) && tensor.type() != TensorType.F32) {
      problems.add(tensor.name() + " is " + tensor.type().ggmlName() + " instead of f32");
    } else if (list.piecesOf(tensor.name()) % tensor.type().blockSize() != 0) {
      problems.add(
          "%s is %s, whose blocks of %s elements don't fit the %s that a layer has"
              .formatted(
                  tensor.name(),
                  tensor.type().ggmlName(),
                  tensor.type().blockSize(),
                  list.piecesOf(tensor.name())));
    } else if (tensor.type().name().startsWith("I") && !tensor.type().isQuantized()) {
      problems.add(tensor.name() + " holds whole numbers (" + tensor.type().ggmlName() + ")");
    }
  }

  private static List<Long> trimmed(List<Long> shape) {
    int last = shape.size();
    while (last > 1 && shape.get(last - 1) == 1) {
      last--;
    }
    return shape.subList(0, last);
  }
}
