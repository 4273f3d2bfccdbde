package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/// Results of attention in each layer, F32 `[head size, heads, tokens]`. Forward keeps them here.
/// So backward, which computes the rest of a layer again, needn't compute its scores, their softmax
/// and the sums of values.
final class SavedAttention implements AutoCloseable {
  private final DeviceTensors tensors;

  /// @param tokens of a pass; shorter ones use the beginning of each tensor
  SavedAttention(Backend backend, ModelConfig config, int tokens) {
    List<Spec> specs = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      LayerConfig layer = config.layer(i);
      if (!layer.attends()) {
        continue;
      }
      Shape shape = Shape.of(layer.headSize(), layer.heads(), tokens);
      specs.add(new Spec(Engine.prefix(i), TensorType.F32, shape));
    }
    tensors = DeviceTensors.allocate(backend, specs);
  }

  /// That of the layer whose tensors' names begin with `prefix`.
  Tensor get(String prefix) {
    return tensors.get(prefix);
  }

  /// Bytes of the device's memory.
  long bytes() {
    return tensors.bytes();
  }

  @Override
  public void close() {
    tensors.close();
  }
}
