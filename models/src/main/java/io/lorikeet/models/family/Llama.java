package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Llama 1 to 3.3, and everything built like them.
sealed class Llama extends Family permits Mistral3 {
  Llama() {
    this(
        "llama",
        "Llama 2, Llama 3.3, Mistral 7B, TinyLlama, SmolLM2, Mixtral",
        "the plain transformer; experts in Mixtral");
  }

  Llama(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
  }

  @Override
  public boolean hasRopeFactors() {
    return true;
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.DENSE, FeedForwardForm.EXPERTS);
  }

  @Override
  public @Nullable Experts experts(ModelKeys keys) {
    return softMaxExperts(keys, "feed_forward_length", true);
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    optionalBiases(list, layer, width, experts);
  }
}
