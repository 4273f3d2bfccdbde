package io.lorikeet.models.family;

import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.quant.InvalidInputException;
import org.jspecify.annotations.Nullable;

/// Qwen 3.5 and 3.6 (dense, text). In three of four layers a gated delta net mixes the tokens:
///
///     q, k, v = silu(convolution(attn_qkv x)), a causal one over four tokens of each channel
///     q, k    = each head over its length, q by 1 / √(head size) too
///     beta    = sigmoid(ssm_beta x)
///     decay   = ssm_a · softplus(ssm_alpha x + ssm_dt), the logarithm, below 0
///     y       = ssm_out(norm(delta rule of these) · silu(attn_gate x))
///
/// The others attend, with norms of each head's query and key, a part of each head rotated, and a
/// gate. `attn_q` gives each head's query and beside it a gate of the same size. The head's result
/// is multiplied by the gate's sigmoid before `attn_output`.
///
/// Layers behind the last that predict further tokens (MTP) stay as they are.
sealed class Qwen35 extends Family permits Qwen35Moe {
  Qwen35() {
    this("qwen35", "Qwen 3.5 and 3.6 0.8B to 27B (text)", "gated delta nets, gated attention");
  }

  Qwen35(String architecture, String examples, String traits) {
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
  int ropeMode() {
    return RopeMetadata.NEOX;
  }

  @Override
  RopeParameters rope(ModelKeys keys, int headSize) {
    return partialRope(keys, headSize);
  }

  @Override
  @Nullable RopeSections sections() {
    return RopeSections.INTERLEAVED;
  }

  @Override
  public LayerConfig layer(ModelKeys keys, int index) {
    return keys.recurrent(index, 4)
        ? LayerConfig.carrying(deltaNet(keys), feedForward(keys, index))
        : super.layer(keys, index);
  }

  /// Whether the value heads of a key head follow each other.
  boolean groupsValueHeads() {
    return false;
  }

  private DeltaNetConfig deltaNet(ModelKeys keys) {
    int size = keys.positive("ssm.state_size");
    int keyHeads = keys.positive("ssm.group_count");
    int valueHeads = keys.positive("ssm.time_step_rank");
    keys.requireEqual("ssm.inner_size", size * valueHeads, "the state's size for each value head");
    if (valueHeads % keyHeads != 0) {
      throw new InvalidInputException(
          "%s: %s value heads of the delta net can't share %s key heads"
              .formatted(keys.source(), valueHeads, keyHeads));
    }
    return new DeltaNetConfig(
        keyHeads, valueHeads, size, groupsValueHeads(), keys.positive("ssm.conv_kernel"));
  }

  @Override
  public boolean gatesAttention() {
    return true;
  }

  @Override
  public String feedForwardNorm() {
    return POST_ATTENTION;
  }

  @Override
  void attentionTensors(TensorList list, LayerConfig layer, int width) {
    if (layer.state().orElse(null) instanceof DeltaNetConfig net) {
      deltaNetTensors(list, net, width);
      return;
    }
    list.matrix("attn_q", width, 2L * layer.queryWidth());
    list.matrix("attn_k", width, layer.keyValueWidth());
    list.matrix("attn_v", width, layer.keyValueWidth());
    list.matrix("attn_output", layer.queryWidth(), width);
    headNorms(list, layer);
  }

  private void deltaNetTensors(TensorList list, DeltaNetConfig net, int width) {
    list.matrix("attn_qkv", width, net.width());
    list.matrix("attn_gate", width, net.valueWidth());
    betaTensors(list, net, width);
    list.frozen("ssm_conv1d.weight", net.kernel(), net.width());
    list.frozen("ssm_dt.bias", net.valueHeads());
    list.frozen("ssm_a", net.valueHeads());
    list.frozen("ssm_norm.weight", net.headSize());
    list.matrix("ssm_out", net.valueWidth(), width);
  }

  void betaTensors(TensorList list, DeltaNetConfig net, int width) {
    list.matrix("ssm_beta", width, net.valueHeads());
    list.matrix("ssm_alpha", width, net.valueHeads());
  }
}
