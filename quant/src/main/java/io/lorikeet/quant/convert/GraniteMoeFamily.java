package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufWriter;

/// Granite's mixtures of experts, perhaps with a part that every token goes through: gate and up
/// are stored in one tensor (`conversion/granite.py`).
class GraniteMoeFamily extends GraniteFamily {
  GraniteMoeFamily(ModelFolder folder) {
    this("granitemoe", folder);
  }

  GraniteMoeFamily(String architecture, ModelFolder folder) {
    super(architecture, folder);
  }

  private boolean hasExperts() {
    return config().integer("num_local_experts").orElse(0) > 0;
  }

  @Override
  ModuleNames names() {
    return hasExperts() ? super.names() : ModuleNames.ofGranite4();
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    long shared = config().integer("shared_intermediate_size").orElse(0);
    if (shared > 0) {
      writer.putUint32(key("expert_shared_feed_forward_length"), shared);
    }
  }
}
