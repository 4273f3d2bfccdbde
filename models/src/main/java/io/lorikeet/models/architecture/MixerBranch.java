package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.ModelConfig;
import java.util.List;
import java.util.stream.Collectors;

/// x + mixer(norm(x)), or the sum of several mixers of the same norm, with a norm of what is added
/// and a factor where the family has them.
final class MixerBranch implements Branch {
  private final ModelConfig config;
  private final LayerTensors tensors;
  private final List<Mixer> mixers;

  MixerBranch(ModelConfig config, LayerTensors tensors, List<Mixer> mixers) {
    this.config = config;
    this.tensors = tensors;
    this.mixers = mixers;
  }

  @Override
  public String name() {
    return mixers.stream().map(Mixer::name).collect(Collectors.joining(", "));
  }

  @Override
  public boolean mixesTokens() {
    return true;
  }

  @Override
  public Tensor apply(Tape tape, Tensor x, int firstToken) {
    Tensor normed = tensors.norm(tape, "attn_norm.weight", x);
    Tensor mixed =
        mixers.stream().map(mixer -> mixer.apply(tape, normed)).reduce(tape::add).orElseThrow();
    float epsilon = config.family().epsilonAfter(config.rmsEpsilon());
    Tensor added = tensors.norm(tape, config.family().attentionPostNorm(), mixed, epsilon);
    return tape.add(DecoderLayer.scaled(config, tape, added), x);
  }
}
