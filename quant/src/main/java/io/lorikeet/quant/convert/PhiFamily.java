package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.util.List;

/// Phi 3 and 4: queries, keys and values in one matrix, gate and up in another, and factors for
/// long contexts (`conversion/phi.py`).
final class PhiFamily extends ConvertedFamily {
  PhiFamily(ModelFolder folder) {
    super("phi3", folder);
  }

  private long originalContext() {
    return rope().originalContext(config()).orElse(contextLength());
  }

  private int rotated() {
    double share = rope().rotatedShare(config(), 1);
    return (int) (share * config().requireSize("hidden_size")) / heads();
  }

  @Override
  void putParameters(GgufWriter writer) {
    Config config = config();
    writer.putUint32(key("context_length"), contextLength());
    writer.putUint32(key("rope.scaling.original_context_length"), originalContext());
    writer.putUint32(key("embedding_length"), config.requireSize("hidden_size"));
    writer.putUint32(key("feed_forward_length"), config.requireSize("intermediate_size"));
    writer.putUint32(key("block_count"), config.requireSize("num_hidden_layers"));
    writer.putUint32(key("attention.head_count"), heads());
    writer.putUint32(key("attention.head_count_kv"), keyValueHeads());
    writer.putFloat32(
        key("attention.layer_norm_rms_epsilon"), (float) config.requireReal("rms_norm_eps"));
    writer.putUint32(key("rope.dimension_count"), rotated());
    writer.putFloat32(key("rope.freq_base"), (float) rope().base());
    writer.putUint32(key("attention.sliding_window"), config.integer("sliding_window").orElse(0));
  }

  @Override
  List<OutputTensor> extraTensors(GgufWriter writer) {
    Rope rope = rope();
    float[] longFactors = rope.scaling().floats("long_factor").orElse(new float[0]);
    if (longFactors.length == 0) {
      return List.of();
    }
    float[] shortFactors = rope.scaling().floats("short_factor").orElse(new float[0]);
    int wanted = rotated() / 2;
    if (longFactors.length != wanted || shortFactors.length != wanted) {
      throw config()
          .invalid(
              "long_factor and short_factor should have %s numbers, but have %s and %s"
                  .formatted(wanted, longFactors.length, shortFactors.length));
    }
    writer.putFloat32(key("rope.scaling.attn_factor"), attentionFactor(rope));
    return List.of(
        new OutputTensor.NumberTensor(
            "rope_factors_long.weight", WeightRows.of("long_factor", longFactors)),
        new OutputTensor.NumberTensor(
            "rope_factors_short.weight", WeightRows.of("short_factor", shortFactors)));
  }

  private float attentionFactor(Rope rope) {
    double scale = (double) contextLength() / originalContext();
    if (scale <= 1) {
      return 1;
    }
    return switch (rope.type()) {
      case "su", "longrope" -> (float) Math.sqrt(1 + Math.log(scale) / Math.log(originalContext()));
      case "yarn" -> (float) (0.1 * Math.log(scale) + 1);
      default ->
          throw config().invalid("the rotation is scaled by '" + rope.type() + "', not longrope");
    };
  }
}
