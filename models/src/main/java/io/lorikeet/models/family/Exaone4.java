package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// EXAONE 4: norms after each part and none before, norms of each head's query and key; in the 32B
/// three of four layers attend within a window, and the others have no position embedding.
final class Exaone4 extends Family {
  /// llama.cpp tells the models with windows by this.
  private static final int LAYERS_OF_LARGE = 64;

  private static final int USUAL_WINDOW = 4096;

  Exaone4() {
    super(
        "exaone4",
        "EXAONE 4.0 1.2B and 32B",
        "norms after each part and of queries and keys; windows, no RoPE beside them");
  }

  @Override
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  public boolean hasRopeFactors() {
    return true;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    keys.requireAbsentOrZero("nextn_predict_layers", "layers that predict further tokens");
    LayerConfig layer = super.layer(keys, index);
    if (keys.layers() != LAYERS_OF_LARGE) {
      return layer;
    }
    if (!keys.windowed(index, 4)) {
      return layer.withoutRope();
    }
    return layer.withWindow(keys.positive("attention.sliding_window", USUAL_WINDOW));
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    attentionTensors(list, layer, width);
    headNorms(list, layer);
    list.frozen("post_attention_norm.weight", width);
    feedForwardTensors(list, layer, width);
    list.frozen("post_ffw_norm.weight", width);
  }
}
