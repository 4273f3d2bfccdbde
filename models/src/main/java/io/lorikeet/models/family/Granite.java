package io.lorikeet.models.family;

import org.jspecify.annotations.Nullable;

/// Granite 3 and 4 (dense): factors everywhere; position embedding can be switched off.
sealed class Granite extends Family permits GraniteMoe, GraniteHybrid {
  Granite() {
    this(
        "granite",
        "Granite 3.3 2B and 8B, Granite 4.0 micro",
        "scaled embeddings, residuals, scores and logits");
  }

  Granite(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
  }

  @Override
  public boolean hasRopeFactors() {
    return true;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    LayerConfig layer = super.layer(keys, index);
    return mayLackPositions() && !keys.flag("rope.scaling.finetuned", true)
        ? layer.withoutRope()
        : layer;
  }

  /// Whether the metadata can switch position embedding off.
  boolean mayLackPositions() {
    return true;
  }

  @Override
  public float attentionScale(ModelKeys keys) {
    return givenAttentionScale(keys);
  }

  /// The factor of attention scores that the metadata gives, else the usual one.
  static float givenAttentionScale(ModelKeys keys) {
    double given = keys.real("attention.scale", 0);
    return given == 0 ? inverseRoot(keys.headSize()) : (float) given;
  }

  /// The other factors, as the metadata gives them.
  @Override
  public Scales scales(ModelKeys keys) {
    double embedding = keys.real("embedding_scale", 0);
    double residual = keys.real("residual_scale", 0);
    return new Scales(
        embedding == 0 ? 1 : (float) embedding,
        residual == 0 ? 1 : (float) residual,
        1 / (float) keys.requireReal("logit_scale"),
        0,
        0);
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    super.layerTensors(list, layer, width, experts);
    optionalBiases(list, layer, width, experts);
  }
}
