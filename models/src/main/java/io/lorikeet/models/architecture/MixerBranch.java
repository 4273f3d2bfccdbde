package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.ModelConfig;

/// x + mixer(norm(x)), with a norm of what is added and a factor where the family has them.
final class MixerBranch implements Branch {
  private final ModelConfig config;
  private final LayerTensors tensors;
  private final Mixer mixer;

  MixerBranch(ModelConfig config, LayerTensors tensors, Mixer mixer) {
    this.config = config;
    this.tensors = tensors;
    this.mixer = mixer;
  }

  @Override
  public String name() {
    return mixer.name();
  }

  @Override
  public boolean mixesTokens() {
    return true;
  }

  @Override
  public Tensor apply(Tape tape, Tensor x, int firstToken) {
    Tensor mixed = mixer.apply(tape, tensors.norm(tape, "attn_norm.weight", x));
    Tensor added = tensors.norm(tape, config.family().attentionPostNorm(), mixed);
    return tape.add(DecoderLayer.scaled(config, tape, added), x);
  }
}
