package io.lorikeet.models.family;

import java.util.EnumSet;
import java.util.Set;

/// Nemotron 3 Nano: [NemotronH] whose feed-forward parts are mixtures of experts. These have no
/// gates either. They are chosen and weighted by sigmoids as in [Lfm2Moe], and the weights have a
/// factor. Every token goes through a shared part, too.
final class NemotronHMoe extends NemotronH {
  NemotronHMoe() {
    super(
        "nemotron_h_moe",
        "Nemotron 3 Nano 30B-A3B",
        "layers of one part: a state space (Mamba-2), attention or experts by ReLU², with sigmoids"
            + " and a shared one");
  }

  @Override
  Set<FeedForwardForm> forms() {
    return EnumSet.of(FeedForwardForm.EXPERTS);
  }

  @Override
  boolean hasSharedPart() {
    return true;
  }

  @Override
  public Experts experts(ModelKeys keys) {
    keys.requireAbsentOrZero("moe_latent_size", "experts between two projections of all");
    if (keys.count("expert_group_count") > 1) {
      keys.requireEqual("expert_group_count", 1, "one group of experts");
    }
    int used = keys.positive("expert_used_count");
    double scale = keys.real("expert_weights_scale", 0);
    return new Experts(
            keys.positive("expert_count"),
            used,
            keys.positive("expert_feed_forward_length", Math.max(1, widest(keys) / used)),
            keys.positive("expert_shared_feed_forward_length"),
            Experts.Gating.SIGMOID,
            keys.flag("expert_weights_norm", false))
        .withScale(scale == 0 ? 1 : (float) scale);
  }

  /// Old files say only how wide all experts that a token goes through are together.
  private int widest(ModelKeys keys) {
    int widest = 0;
    for (int i = 0; i < layers(keys); i++) {
      widest = Math.max(widest, feedForward(keys, i));
    }
    return widest;
  }

  @Override
  void expertTensors(TensorList list, Experts experts, int width) {
    list.frozen("ffn_gate_inp.weight", width, experts.count());
    list.frozen("exp_probs_b.bias", experts.count());
    list.experts("ffn_up_exps", width, experts.width(), experts.count());
    list.experts("ffn_down_exps", experts.width(), width, experts.count());
    list.matrix("ffn_up_shexp", width, experts.sharedWidth());
    list.matrix("ffn_down_shexp", experts.sharedWidth(), width);
  }
}
