package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.ModelConfig;
import java.util.List;

/// The branches of a layer whose hidden states are streams, see [AltUp].
final class StreamBranches {
  private StreamBranches() {}

  static List<Branch> of(Engine engine, LayerTensors tensors, LayerConfig layer) {
    ModelConfig config = engine.config();
    AltUp altUp = new AltUp(config, tensors);
    return List.of(
        new Prediction(altUp),
        new StreamAttention(config, tensors, altUp, new AttentionMixer(engine, tensors, layer)),
        new Correction(
            config,
            tensors,
            altUp,
            new FeedForwardBranch(config, tensors, layer),
            new TokenInputBranch(engine, tensors)));
  }

  /// The streams that the layer goes on from, `[streams · embedding, t]`.
  private record Prediction(AltUp altUp) implements Branch {
    @Override
    public String name() {
      return "prediction";
    }

    @Override
    public boolean mixesTokens() {
      return false;
    }

    @Override
    public Tensor apply(Tape tape, Tensor x, int firstToken) {
      return altUp.predicted(tape, x);
    }
  }

  /// The predicted streams, and behind them the first with what attention and the low-rank residual
  /// (laurel) add: `[(streams + 1) · embedding, t]`.
  private record StreamAttention(ModelConfig config, LayerTensors tensors, AltUp altUp, Mixer mixer)
      implements Branch {
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
      Tensor active = altUp.stream(tape, x, 0);
      Tensor normed = tensors.norm(tape, "attn_norm.weight", active);
      Tensor low = tensors.linear(tape, "laurel_l", normed, firstToken);
      Tensor back = tensors.linear(tape, "laurel_r", low, firstToken);
      Tensor laurel = tape.add(tensors.norm(tape, "laurel_post_norm.weight", back), normed);
      Tensor mixed = mixer.apply(tape, normed);
      Tensor attended =
          tape.add(tensors.norm(tape, config.family().attentionPostNorm(), mixed), active);
      Tensor both = tape.scale(tape.add(attended, laurel), (float) Math.sqrt(0.5));
      return tape.concat(List.of(x, both));
    }
  }

  /// The feed-forward part, the correction of the streams by its result, and the token's embedding
  /// for the layer: back to `[streams · embedding, t]`.
  private record Correction(
      ModelConfig config,
      LayerTensors tensors,
      AltUp altUp,
      FeedForwardBranch feedForward,
      TokenInputBranch tokenInputs)
      implements Branch {
    @Override
    public String name() {
      return feedForward.name();
    }

    @Override
    public boolean mixesTokens() {
      return false;
    }

    @Override
    public Tensor apply(Tape tape, Tensor x, int firstToken) {
      int streams = config.hidden();
      Tensor predicted = tape.slice(x, 0, streams);
      Tensor computed =
          feedForward.apply(tape, tape.slice(x, streams, config.embedding()), firstToken);
      Tensor corrected = altUp.corrected(tape, predicted, computed);
      Tensor scaled =
          tape.mask(altUp.stream(tape, corrected, 0), tensors.weight("altup_correct_scale.weight"));
      return altUp.plusInOthers(tape, corrected, tokenInputs.added(tape, scaled, firstToken));
    }
  }
}
