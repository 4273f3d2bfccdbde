package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.quant.GgufWriter;
import java.util.Map;

/// Gemma 3's text model (`conversion/gemma.py`). Its configurations leave most numbers to the
/// defaults.
final class Gemma3Family extends GemmaFamily {
  Gemma3Family(ModelFolder folder) {
    super("gemma3", withDefaults(folder));
  }

  private static ModelFolder withDefaults(ModelFolder folder) {
    ObjectNode config = folder.config().json().deepCopy();
    Map<String, Integer> defaults =
        Map.of(
            "num_attention_heads", 8,
            "num_key_value_heads", 4,
            "head_dim", 256,
            "max_position_embeddings", 131_072);
    defaults.forEach(
        (name, value) -> {
          if (!config.hasNonNull(name)) {
            config.put(name, value);
          }
        });
    return new ModelFolder(
        folder.path(),
        new Config(folder.config().file(), config),
        folder.tokenizer(),
        folder.tokenizerConfig(),
        folder.generationConfig());
  }

  @Override
  double defaultRopeBase() {
    return 1_000_000;
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    if (config().has("attn_logit_softcapping")) {
      throw config().invalid("Gemma 3 has no 'attn_logit_softcapping'. Is this Gemma 2?");
    }
    config()
        .real("final_logit_softcapping")
        .ifPresent(cap -> writer.putFloat32(key("final_logit_softcapping"), (float) cap));
    if (config().integer("sliding_window_pattern").orElse(0) != 1) {
      writer.putUint32(key("attention.sliding_window"), config().requireInteger("sliding_window"));
    }
  }

  @Override
  WeightRows changed(String name, WeightRows rows) {
    return withOneMore(name, rows);
  }
}
