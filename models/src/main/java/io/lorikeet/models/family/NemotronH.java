package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Nemotron-H and Nemotron Nano 2 (dense). A layer has a single part behind one norm, `attn_norm`:
///
/// - a feed-forward part without a gate, down(relu(up(x))²), where `feed_forward_length` isn't 0
/// - else attention, without rotation, where the layer has heads of keys
/// - else a state space (Mamba-2)
sealed class NemotronH extends Family permits NemotronHMoe {
  NemotronH() {
    this(
        "nemotron_h",
        "Nemotron-H 8B to 56B, Nemotron Nano 2 9B and 12B",
        "layers of one part: a state space (Mamba-2), attention or a feed-forward part by ReLU²");
  }

  NemotronH(String architecture, String examples, String traits) {
    super(architecture, examples, traits);
  }

  @Override
  int layers(ModelKeys keys) {
    return keys.layers() - keys.count("nextn_predict_layers");
  }

  @Override
  boolean leavesLayersBehind() {
    return true;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    int width = feedForward(keys, index);
    if (width > 0) {
      return new LayerConfig(AttentionConfig.NONE, width);
    }
    return keys.attends(index)
        ? new LayerConfig(
            AttentionConfig.of(keys.heads(index), keys.keyValueHeads(index), keys.headSize()), 0)
        : LayerConfig.carrying(Mamba2Config.of(keys), 0);
  }

  /// 0 in layers without such a part.
  @Override
  int feedForward(ModelKeys keys, int index) {
    return keys.countOfLayer("feed_forward_length", index);
  }

  @Override
  float rmsEpsilon(ModelKeys keys) {
    double other = keys.requireReal("attention.layer_norm_epsilon");
    return (float) keys.real("attention.layer_norm_rms_epsilon", other);
  }

  @Override
  public Activation activation() {
    return Activation.SQUARED_RELU;
  }

  @Override
  public String feedForwardNorm() {
    return "attn_norm.weight";
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.DENSE);
  }

  @Override
  public void layerTensors(
      TensorList list, LayerConfig layer, int width, @Nullable Experts experts) {
    list.frozen("attn_norm.weight", width);
    if (layer.feedForward() > 0 && experts != null) {
      expertTensors(list, experts, width);
    } else if (layer.feedForward() > 0) {
      feedForwardTensors(list, layer, width);
    } else if (layer.state().orElse(null) instanceof Mamba2Config space) {
      space.tensors(list, width);
    } else {
      attentionTensors(list, layer, width);
      list.optionalVector("attn_output.bias", width);
    }
  }

  @Override
  void feedForwardTensors(TensorList list, LayerConfig layer, int width) {
    list.biasedMatrix("ffn_up", width, layer.feedForward());
    list.biasedMatrix("ffn_down", layer.feedForward(), width);
  }
}
