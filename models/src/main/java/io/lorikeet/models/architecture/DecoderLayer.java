package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.autodiff.Tape;
import io.lorikeet.models.family.DeltaNetConfig;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.Mamba2Config;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.family.ShortConvolutionConfig;
import java.util.ArrayList;
import java.util.List;

/// The layers of a transformer as lists of residual branches.
final class DecoderLayer {
  private DecoderLayer() {}

  /// The branches of a layer, in the order of a forward pass.
  ///
  /// @param index any layer of the kind that the graph is for
  static List<Branch> branches(Engine engine, GraphInputs inputs, int index) {
    ModelConfig config = engine.config();
    LayerTensors tensors = new LayerTensors(inputs, Engine.prefix(index), config.rmsEpsilon());
    LayerConfig layer = config.layer(index);
    if (config.family().streams() > 1) {
      return StreamBranches.of(engine, tensors, layer);
    }
    List<Mixer> mixers = mixers(engine, tensors, layer);
    List<Branch> branches = new ArrayList<>();
    if (!mixers.isEmpty()) {
      branches.add(new MixerBranch(config, tensors, mixers));
    }
    if (FeedForwardBranch.isIn(tensors)) {
      branches.add(new FeedForwardBranch(config, tensors, layer));
    }
    if (layer.tokenInputs() > 0) {
      branches.add(new TokenInputBranch(engine, tensors));
    }
    return branches;
  }

  /// Those that stand side by side; none in a layer with nothing but a feed-forward part.
  private static List<Mixer> mixers(Engine engine, LayerTensors tensors, LayerConfig layer) {
    List<Mixer> mixers = new ArrayList<>();
    if (layer.attends()) {
      mixers.add(new AttentionMixer(engine, tensors, layer));
    }
    layer
        .state()
        .ifPresent(
            state ->
                mixers.add(
                    switch (state) {
                      case DeltaNetConfig net -> new DeltaNetMixer(engine, tensors, net);
                      case Mamba2Config space -> new Mamba2Mixer(engine, tensors, space);
                      case ShortConvolutionConfig _ -> new ShortConvolutionMixer(engine, tensors);
                    }));
    return mixers;
  }

  /// The layer's result times its factor, where the base has one.
  static Tensor outputScaled(LayerTensors tensors, Tape tape, Tensor result) {
    Tensor scale = tensors.find("layer_output_scale.weight");
    return scale == null ? result : tape.mask(result, scale);
  }

  /// A branch's result times the factor that some families have for it, as it is added to the
  /// hidden states.
  static Tensor scaled(ModelConfig config, Tape tape, Tensor added) {
    float factor = config.scales().residual();
    return factor == 1 ? added : tape.scale(added, factor);
  }
}
