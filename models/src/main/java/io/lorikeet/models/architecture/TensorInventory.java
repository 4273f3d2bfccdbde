package io.lorikeet.models.architecture;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// The tensors that a base of the `llama` architecture has, with their shapes, and the check that a
/// file has them.
final class TensorInventory {
  private static final int MOST_PROBLEMS = 20;
  private static final List<String> MATRICES =
      List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down");

  /// The names that a layer's tensors can have, without the layer's prefix.
  static final List<String> LAYER_TENSORS =
      Stream.concat(
              Stream.of("attn_norm.weight", "ffn_norm.weight"),
              MATRICES.stream().flatMap(name -> Stream.of(name + ".weight", name + ".bias")))
          .toList();

  private final GgufFile base;
  private final Map<String, List<Long>> required = new LinkedHashMap<>();
  private final Map<String, List<Long>> optional = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();

  private TensorInventory(GgufFile base) {
    this.base = base;
  }

  /// @throws InvalidInputException naming every tensor that is missing, misshapen, of a wrong type
  ///     or unknown
  static void check(GgufFile base, ModelConfig config) {
    TensorInventory inventory = new TensorInventory(base);
    inventory.list(config);
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

  private void list(ModelConfig c) {
    long width = c.embedding();
    required.put("token_embd.weight", List.of(width, (long) c.vocabulary()));
    required.put("output_norm.weight", List.of(width));
    optional.put("output.weight", List.of(width, (long) c.vocabulary()));
    for (String name : RopeFactors.TENSORS) {
      optional.put(name, List.of(c.headSize() / 2L));
    }
    for (int layer = 0; layer < c.layers(); layer++) {
      String prefix = "blk." + layer + ".";
      matrix(prefix + "attn_q", width, c.queryWidth());
      matrix(prefix + "attn_k", width, c.keyValueWidth());
      matrix(prefix + "attn_v", width, c.keyValueWidth());
      matrix(prefix + "attn_output", c.queryWidth(), width);
      matrix(prefix + "ffn_gate", width, c.feedForward());
      matrix(prefix + "ffn_up", width, c.feedForward());
      matrix(prefix + "ffn_down", c.feedForward(), width);
      required.put(prefix + "attn_norm.weight", List.of(width));
      required.put(prefix + "ffn_norm.weight", List.of(width));
    }
  }

  private void matrix(String name, long inputs, long outputs) {
    required.put(name + ".weight", List.of(inputs, outputs));
    optional.put(name + ".bias", List.of(outputs));
  }

  private void compare() {
    required.forEach(
        (name, shape) -> {
          Optional<GgufTensor> tensor = base.tensor(name);
          if (tensor.isEmpty()) {
            problems.add(name + " is missing");
          } else {
            compare(tensor.get(), shape);
          }
        });
    optional.forEach((name, shape) -> base.tensor(name).ifPresent(t -> compare(t, shape)));
    for (GgufTensor tensor : base.tensors()) {
      if (!required.containsKey(tensor.name()) && !optional.containsKey(tensor.name())) {
        problems.add(tensor.name() + " is unknown, and leaving it out would change the result");
      }
    }
  }

  private void compare(GgufTensor tensor, List<Long> shape) {
    if (!trimmed(tensor.shape()).equals(trimmed(shape))) {
      problems.add(tensor.name() + " has the shape " + tensor.shape() + " instead of " + shape);
    } else if (shape.size() == 1 && tensor.type() != TensorType.F32) {
      problems.add(tensor.name() + " is " + tensor.type().ggmlName() + " instead of f32");
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
