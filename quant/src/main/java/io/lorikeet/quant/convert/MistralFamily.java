package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;

/// Mistral 3 and Ministral 3: Llama with attention that is scaled by the position
/// (`conversion/mistral3.py`).
final class MistralFamily extends LlamaFamily {
  MistralFamily(ModelFolder folder) {
    super("mistral3", folder);
    if (folder.config().text("model_type").orElse("").equals("mistral4")) {
      throw folder.config().invalid("Mistral 4 isn't supported by convert");
    }
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    if (config().text("model_type").orElse("").equals("ministral3")) {
      Config scaling = rope().scaling();
      writer.putFloat32(
          key("rope.scaling.yarn_log_multiplier"), (float) scaling.requireReal("mscale_all_dim"));
      writer.putFloat32(
          key("attention.temperature_scale"), (float) scaling.requireReal("llama_4_scaling_beta"));
    }
  }
}
