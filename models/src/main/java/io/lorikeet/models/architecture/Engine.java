package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The inputs that all graphs of a model are built from.
///
/// @param lora the adapter, or null to run the base alone
/// @param folded adapted weights with their adapter rounded in, or null to apply it apart
/// @param activations results that forward keeps for backward, or null to compute all again
/// @param sharedKeyValues keys and values that several layers attend to, or null
/// @param ropeFactors frequency factors, or null
record Engine(
    Backend backend,
    ModelConfig config,
    BaseWeights weights,
    @Nullable LoraParameters lora,
    @Nullable FoldedWeights folded,
    PassShape shape,
    PassInputs inputs,
    @Nullable ActivationStore activations,
    @Nullable SharedKeyValues sharedKeyValues,
    @Nullable Tensor ropeFactors,
    Precision precision) {

  /// The same for rows of another length.
  Engine with(PassShape other) {
    return new Engine(
        backend,
        config,
        weights,
        lora,
        folded,
        other,
        inputs,
        activations,
        sharedKeyValues,
        ropeFactors,
        precision);
  }

  static String prefix(int layer) {
    return "blk." + layer + ".";
  }

  /// The adapter.
  ///
  /// @throws IllegalStateException where the base runs alone
  LoraParameters adapter() {
    if (lora == null) {
      throw new IllegalStateException("the base runs without an adapter");
    }
    return lora;
  }

  Optional<LoraSlot> slot(String baseTensor) {
    return lora == null ? Optional.empty() : lora.slot(baseTensor);
  }

  /// The weight that graphs compute with.
  Tensor weight(String name) {
    Tensor own = folded == null ? null : folded.find(name);
    return own == null ? weights.get(name) : own;
  }
}
