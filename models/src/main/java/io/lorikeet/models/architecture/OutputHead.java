package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.Scales;
import org.jspecify.annotations.Nullable;

/// From the last hidden states to logits, as a forward pass on a tape: final norm, head, scaling.
///
/// @param inputs of the graph
record OutputHead(Engine engine, GraphInputs inputs) {

  /// @param hidden last hidden states `[embedding, t]`, or several streams of them, of some of the
  ///     batch's tokens
  /// @param firstToken index of the first of them
  /// @return `[vocabulary, t]`
  Tensor logits(Tape tape, Tensor hidden, int firstToken) {
    Tensor weight = inputs.weight("", engine.config().headTensor());
    return logits(tape, hidden, firstToken, weight, pair());
  }

  /// The same without the head's adapter.
  Tensor baseLogits(Tape tape, Tensor hidden) {
    return logits(tape, hidden, 0, inputs.frozenWeight(engine.config().headTensor()), null);
  }

  private Tensor logits(
      Tape tape, Tensor hidden, int firstToken, Tensor weight, AdaptedLinear.@Nullable Pair pair) {
    ModelConfig config = engine.config();
    Tensor norm = inputs.weight("", config.family().outputNorm());
    Tensor normed = tape.rmsNorm(joined(tape, hidden), norm, config.rmsEpsilon());
    Tensor bias = inputs.find("", "output.bias");
    return scaled(tape, new AdaptedLinear(weight, bias, pair).apply(tape, normed, firstToken));
  }

  private Tensor joined(Tape tape, Tensor hidden) {
    ModelConfig config = engine.config();
    return config.family().streams() == 1
        ? hidden
        : new AltUp(config, new LayerTensors(inputs, "", config.rmsEpsilon())).joined(tape, hidden);
  }

  /// The head's adapter; a token embedding that serves as head too has none.
  private AdaptedLinear.@Nullable Pair pair() {
    return engine.config().tied() ? null : inputs.pair("", engine.config().headTensor());
  }

  private Tensor scaled(Tape tape, Tensor y) {
    Scales scales = engine.config().scales();
    Tensor scaled = scales.logits() == 1 ? y : tape.scale(y, scales.logits());
    return scales.logitCap() == 0 ? scaled : tape.softCap(scaled, scales.logitCap());
  }

  /// Whether logits are capped: their gradient is computed from the capped ones then, which have to
  /// stay.
  boolean isCapped() {
    return engine.config().scales().logitCap() != 0;
  }
}
