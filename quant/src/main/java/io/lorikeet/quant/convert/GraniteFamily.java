package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;
import java.util.Optional;

/// Granite: Llama with scales at embeddings, attention, residuals and logits
/// (`conversion/granite.py`).
class GraniteFamily extends LlamaFamily {
  GraniteFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  @Override
  Optional<String> preTokenizerName() {
    return Optional.of("refact");
  }

  @Override
  int headLength() {
    return config().requireSize("hidden_size") / heads();
  }

  @Override
  boolean writesHeadLength() {
    return false;
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    putScale(writer, "attention.scale", "attention_multiplier");
    putScale(writer, "embedding_scale", "embedding_multiplier");
    putScale(writer, "residual_scale", "residual_multiplier");
    putScale(writer, "logit_scale", "logits_scaling");
  }

  private void putScale(GgufWriter writer, String key, String name) {
    config()
        .real(name)
        .ifPresent(
            value -> {
              if (value != 0) {
                writer.putFloat32(key(key), (float) value);
              }
            });
  }
}
