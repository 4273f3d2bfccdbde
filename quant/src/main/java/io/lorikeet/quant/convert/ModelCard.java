package io.lorikeet.quant.convert;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.lorikeet.quant.GgufWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A model's card, `README.md`: its licence and the models that it was made of, from the YAML
/// between two lines of `---` at its beginning (`Metadata` in llama.cpp's
/// `gguf-py/gguf/metadata.py`).
final class ModelCard {
  private static final String FILE = "README.md";
  private static final long MOST_BYTES = 1 << 22;
  private static final int MOST_MODELS = 100;
  private static final Pattern FRONT_MATTER =
      Pattern.compile(
          "\\A\\uFEFF?---[ \\t]*\\r?\\n(.*?)\\r?\\n---[ \\t]*(\\r?\\n|\\z)", Pattern.DOTALL);
  private static final String HUB = "https://huggingface.co/";

  private ModelCard() {}

  /// Records what the card says; nothing where there is no card, or its YAML can't be read.
  static void put(ModelFolder folder, GgufWriter writer) throws IOException {
    Optional<Path> file = folder.file(FILE);
    if (file.isEmpty() || Files.size(file.get()) > MOST_BYTES) {
      return;
    }
    String text = new String(Files.readAllBytes(file.get()), StandardCharsets.UTF_8);
    Matcher matter = FRONT_MATTER.matcher(text);
    if (!matter.find()) {
      return;
    }
    try {
      JsonNode card = new ObjectMapper(new YAMLFactory()).readTree(matter.group(1));
      putText(card, "license", "general.license", writer);
      putText(card, "license_name", "general.license.name", writer);
      putText(card, "license_link", "general.license.link", writer);
      putModels(card.path("base_model"), writer);
    } catch (JsonProcessingException _) {
      // a person has written it, and it is of no use to the weights
    }
  }

  private static void putText(JsonNode card, String name, String key, GgufWriter writer) {
    JsonNode value = card.path(name);
    if (value.isTextual() && !value.textValue().isBlank()) {
      writer.putString(key, value.textValue().strip());
    }
  }

  private static void putModels(JsonNode given, GgufWriter writer) {
    List<String> models = new ArrayList<>();
    if (given.isTextual()) {
      models.add(given.textValue());
    }
    given.forEach(model -> models.add(model.asText()));
    models.removeIf(String::isBlank);
    if (models.isEmpty() || models.size() > MOST_MODELS) {
      return;
    }
    writer.putUint32("general.base_model.count", models.size());
    for (int i = 0; i < models.size(); i++) {
      String key = "general.base_model." + i + ".";
      String id = models.get(i).strip();
      ModelName name = ModelName.of(id.startsWith(HUB) ? id.substring(HUB.length()) : id, 0);
      writer.putString(key + "name", ModelName.title(name.name()));
      name.version().ifPresent(version -> writer.putString(key + "version", version));
      if (name.organization().isPresent()) {
        String organization = name.organization().get();
        writer.putString(key + "organization", ModelName.title(organization));
        writer.putString(key + "repo_url", HUB + organization + "/" + name.name());
      }
    }
  }
}
