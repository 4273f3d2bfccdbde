package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// How an embedding model pools its states, as sentence-transformers writes it: `modules.json`
/// names the modules, and one of them has `pooling_mode_mean_tokens` or the like. Source:
/// `_try_set_pooling_type` in llama.cpp's `conversion/base.py`.
final class PoolingModule {
  /// llama.cpp's numbers (`enum llama_pooling_type`).
  private static final Map<String, Integer> TYPES = new LinkedHashMap<>();

  static {
    TYPES.put("pooling_mode_mean_tokens", 1);
    TYPES.put("pooling_mode_cls_token", 2);
    TYPES.put("pooling_mode_lasttoken", 3);
  }

  private static final Map<String, Integer> MODES = Map.of("mean", 1, "cls", 2, "lasttoken", 3);

  private PoolingModule() {}

  /// Writes the pooling of a model that has one.
  ///
  /// @throws InvalidInputException when it is one that llama.cpp hasn't got, or its file is missing
  static void put(ModelFolder folder, String architecture, GgufWriter writer) throws IOException {
    Path file = folder.path().resolve("modules.json");
    Optional<JsonNode> modules = ModelFolder.json(file);
    if (modules.isEmpty()) {
      return;
    }
    for (JsonNode module : modules.get()) {
      if (module.path("type").asText().endsWith("Pooling")) {
        Path own = folder.path().resolve(module.path("path").asText()).resolve("config.json");
        JsonNode config =
            ModelFolder.json(own)
                .orElseThrow(
                    () -> new InvalidInputException(file + " names " + own + ", which is missing"));
        writer.putUint32(architecture + ".pooling_type", type(own, config));
        return;
      }
    }
  }

  private static int type(Path file, JsonNode config) {
    for (Map.Entry<String, Integer> type : TYPES.entrySet()) {
      if (config.path(type.getKey()).asBoolean()) {
        return type.getValue();
      }
    }
    return Optional.ofNullable(MODES.get(config.path("pooling_mode").asText()))
        .orElseThrow(
            () ->
                new InvalidInputException(
                    file + ": llama.cpp pools by mean, cls or the last token only"));
  }
}
