package io.lorikeet.finetune.yaml;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// YAML files of several runs.
public final class YamlTree {
  /// Refuses keys that are given twice.
  public static final ObjectMapper MAPPER =
      new ObjectMapper(new YAMLFactory()).enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  private YamlTree() {}

  /// Reads a file that `--config` names.
  ///
  /// @throws InvalidInputException when it isn't there, or isn't YAML
  public static JsonNode read(Path file) throws IOException {
    try {
      return MAPPER.readTree(Files.readString(file));
    } catch (NoSuchFileException e) {
      throw new InvalidInputException("config: there is no file " + file, e);
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + ": isn't text in UTF-8", e);
    } catch (JsonProcessingException e) {
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      String why = e.getOriginalMessage().lines().findFirst().orElse("");
      throw new InvalidInputException("%s:%s: this isn't YAML: %s".formatted(file, line, why), e);
    }
  }

  /// A whole number under a key.
  ///
  /// @throws IllegalArgumentException when there is none, or it is out of bounds
  public static int whole(JsonNode object, String key, int least, int most) {
    JsonNode value = object.path(key);
    if (!value.isIntegralNumber() || value.longValue() < least || value.longValue() > most) {
      throw new IllegalArgumentException(
          "%s: expected a whole number from %s to %s, found %s"
              .formatted(key, least, most, value.isMissingNode() ? "none" : value));
    }
    return value.intValue();
  }

  /// The folder that an object names under `folder`.
  ///
  /// @throws IllegalArgumentException when there is none
  public static Path folder(JsonNode object) {
    if (!object.path("folder").isTextual() || object.path("folder").textValue().isBlank()) {
      throw new IllegalArgumentException("folder: expected where the runs are to be kept");
    }
    return Path.of(object.path("folder").textValue());
  }
}
