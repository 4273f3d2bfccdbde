package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Muse Glimmer (`conversion/muse_glimmer.py`), text only. Its norms of layers are stored without
/// the one that is added to them. Queries and keys are normed without a gain, and queries then have
/// a factor: both become gains.
final class MuseGlimmerFamily extends ConvertedFamily {
  private static final double EPSILON_AFTER = 1e-8;

  MuseGlimmerFamily(ModelFolder folder) {
    super("muse-glimmer", folder);
    double epsilon = config().real("post_norm_eps").orElse(EPSILON_AFTER);
    if (epsilon != EPSILON_AFTER) {
      throw config().invalid("'post_norm_eps' is %s; llama.cpp has 1e-8".formatted(epsilon));
    }
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    Config config = config();
    writer.putFloat32(
        key("final_logit_softcapping"), (float) config.requireReal("final_logit_softcapping"));
    writer.putFloat32(key("logit_scale"), (float) config.requireReal("output_multiplier"));
    writer.putUint32(key("attention.sliding_window"), config.requireSize("sliding_window"));
    writer.put(key("attention.sliding_window_pattern"), GgufValue.Array.ofBools(windowed()));
  }

  /// Which layers attend within a window; they are those that are rotated.
  private boolean[] windowed() {
    List<JsonNode> types =
        config()
            .list("layer_types")
            .filter(all -> all.size() == layers())
            .orElseThrow(() -> config().invalid("'layer_types' doesn't name each layer"));
    List<JsonNode> bases = config().list("layer_rope_theta").orElse(List.of());
    boolean[] windowed = new boolean[types.size()];
    for (int i = 0; i < windowed.length; i++) {
      windowed[i] = types.get(i).asText().equals("sliding_attention");
      double expected = windowed[i] ? rope().base() : 0;
      if (!bases.isEmpty() && bases.get(i).asDouble() != expected) {
        throw config()
            .invalid(
                "'layer_rope_theta' of layer %s is %s; llama.cpp has %s"
                    .formatted(i, bases.get(i), expected));
      }
    }
    return windowed;
  }

  @Override
  List<OutputTensor> extraTensors(GgufWriter writer) {
    float scale = (float) config().requireReal("qk_scale_factor");
    List<OutputTensor> tensors = new ArrayList<>();
    for (int i = 0; i < layers(); i++) {
      tensors.add(filled("blk." + i + ".attn_q_norm.weight", scale));
      tensors.add(filled("blk." + i + ".attn_k_norm.weight", 1));
    }
    return tensors;
  }

  private OutputTensor filled(String name, float value) {
    float[] gains = new float[headLength()];
    Arrays.fill(gains, value);
    return new OutputTensor.NumberTensor(name, WeightRows.of("qk_scale_factor", gains));
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    return name.endsWith("layernorm.weight") ? rows.plus(1) : super.changed(name, rows);
  }
}
