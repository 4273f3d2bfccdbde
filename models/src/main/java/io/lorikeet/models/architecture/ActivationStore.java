package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The results of each layer that [SavedActivations] names, in F32. Forward writes them here, so
/// that backward, which computes the rest of a layer again, gets the same bits without computing.
/// Results of attention are `[head size, heads, tokens]`, those of projections `[outputs, tokens]`.
final class ActivationStore implements AutoCloseable {
  /// The name of attention's results beside those of projections.
  static final String ATTENTION = "attention";

  /// The name of a layer's A x, of one matrix or several that are multiplied as one after the
  /// other: `[sum of ranks · tokens]`.
  static final String LOW = "lora_low";

  private static final List<String> PROJECTIONS =
      List.of(
          "attn_q",
          "attn_k",
          "attn_v",
          "attn_qkv",
          "attn_gate",
          "attn_output",
          "ssm_in",
          "ssm_out",
          "shortconv.in_proj",
          "shortconv.out_proj",
          "ffn_gate",
          "ffn_up",
          "ffn_gate_shexp",
          "ffn_up_shexp");

  private final Set<String> names;
  private final DeviceTensors tensors;

  /// @param lora the adapter whose A x are kept with projections; null where they are computed
  ///     again
  /// @param tokens of a pass; shorter ones use the beginning of each tensor
  ActivationStore(
      Backend backend,
      ModelConfig config,
      BaseWeights weights,
      @Nullable LoraParameters lora,
      SavedActivations saved,
      int tokens) {
    List<Spec> specs = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      LayerConfig layer = config.layer(i);
      String prefix = Engine.prefix(i);
      if (layer.attends()) {
        Shape shape = Shape.of(layer.headSize(), layer.heads(), tokens);
        specs.add(new Spec(prefix + ATTENTION, TensorType.F32, shape));
      }
      if (saved != SavedActivations.PROJECTIONS) {
        continue;
      }
      long ranks = lora == null ? 0 : lora.ranks(prefix);
      if (ranks > 0) {
        specs.add(new Spec(prefix + LOW, TensorType.F32, Shape.of(ranks * tokens)));
      }
      for (String name : PROJECTIONS) {
        Tensor weight = weights.find(prefix + name + ".weight");
        if (weight != null) {
          Shape shape = Shape.of(weight.shape().ne1(), tokens);
          specs.add(new Spec(prefix + name, TensorType.F32, shape));
        }
      }
    }
    names = specs.stream().map(Spec::name).collect(Collectors.toUnmodifiableSet());
    tensors = DeviceTensors.allocate(backend, specs);
  }

  boolean has(String name) {
    return names.contains(name);
  }

  /// That of a layer: its prefix, and [#ATTENTION] or the name of a projection.
  Tensor get(String name) {
    return tensors.get(name);
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
