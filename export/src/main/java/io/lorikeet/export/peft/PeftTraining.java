package io.lorikeet.export.peft;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The settings an adapter was made with, as text for `__metadata__`.
final class PeftTraining {

  private PeftTraining() {}

  static String format(Map<String, String> training) {
    ObjectNode json = JsonMapper.builder().build().createObjectNode();
    training.forEach(json::put);
    return json.toString();
  }

  /// @param text a result of [#format]; null and any other text count as no settings
  static Map<String, String> parse(@Nullable String text) {
    Map<String, String> training = new LinkedHashMap<>();
    if (text != null) {
      try {
        JsonNode json = JsonMapper.builder().build().readTree(text);
        json.properties().forEach(entry -> training.put(entry.getKey(), entry.getValue().asText()));
      } catch (JsonProcessingException _) {
        return Map.of();
      }
    }
    return training;
  }
}
