package io.lorikeet.quant.convert;

import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import java.util.List;

/// OLMo 2 and 3: norms only after each part, OLMo 3 with sliding windows (`conversion/olmo.py`).
final class OlmoFamily extends ConvertedFamily {
  OlmoFamily(ModelFolder folder) {
    super("olmo2", folder);
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    if (!config().has("sliding_window")) {
      return;
    }
    writer.putUint32(key("attention.sliding_window"), config().requireInteger("sliding_window"));
    int layers = config().requireSize("num_hidden_layers");
    List<String> types =
        config().list("layer_types").orElse(List.of()).stream().map(type -> type.asText()).toList();
    boolean[] sliding = new boolean[layers];
    for (int i = 0; i < layers; i++) {
      sliding[i] =
          types.size() == layers ? types.get(i).equals("sliding_attention") : (i + 1) % 4 != 0;
    }
    writer.put(key("attention.sliding_window_pattern"), GgufValue.Array.ofBools(sliding));
  }
}
