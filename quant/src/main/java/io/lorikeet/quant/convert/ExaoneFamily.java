package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import java.util.List;
import java.util.Optional;

/// EXAONE 4: norms only after each part, in the large one sliding windows
/// (`conversion/exaone.py`).
final class ExaoneFamily extends ConvertedFamily {
  ExaoneFamily(ModelFolder folder) {
    super("exaone4", folder);
  }

  @Override
  Optional<String> preTokenizerName() {
    return Optional.of("exaone4");
  }

  @Override
  void putParameters(GgufWriter writer) {
    super.putParameters(writer);
    writer.putUint32(key("vocab_size"), config().requireSize("vocab_size"));
    if (config().has("sliding_window")) {
      writer.putUint32(key("attention.sliding_window"), config().requireInteger("sliding_window"));
      windows()
          .ifPresent(
              windows ->
                  writer.put(
                      key("attention.sliding_window_pattern"), GgufValue.Array.ofBools(windows)));
    }
  }

  /// Which layers attend within a window: named one by one, by a text such as `LLLG`, or by the
  /// period whose last layer sees everything.
  private Optional<boolean[]> windows() {
    boolean[] windows = new boolean[config().requireSize("num_hidden_layers")];
    List<JsonNode> types = config().list("layer_types").orElse(List.of());
    if (!types.isEmpty() && types.size() != windows.length) {
      throw config()
          .invalid(
              "'layer_types' has %s elements for %s layers"
                  .formatted(types.size(), windows.length));
    }
    JsonNode pattern = config().json().path("sliding_window_pattern");
    if (types.isEmpty() && pattern.asText("").isEmpty() && pattern.asInt(0) < 1) {
      return Optional.empty();
    }
    for (int i = 0; i < windows.length; i++) {
      if (!types.isEmpty()) {
        windows[i] = types.get(i).asText().equals("sliding_attention");
      } else if (pattern.isTextual()) {
        windows[i] = pattern.asText().charAt(i % pattern.asText().length()) == 'L';
      } else {
        windows[i] = (i + 1) % pattern.asInt() != 0;
      }
    }
    return Optional.of(windows);
  }

  @Override
  List<OutputTensor> extraTensors(GgufWriter writer) {
    return LlamaFamily.llama3Tensors(rope(), headLength());
  }
}
