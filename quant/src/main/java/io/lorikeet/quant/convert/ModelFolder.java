package io.lorikeet.quant.convert;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.lorikeet.quant.FolderKind;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/// The folder of a model as the transformers library saves it, and its JSON files.
///
/// @param path the folder
/// @param config `config.json`; of a model that also sees or hears, the text model's part laid over
///     the rest
/// @param tokenizer `tokenizer.json`
/// @param tokenizerConfig `tokenizer_config.json`
/// @param generationConfig `generation_config.json`
record ModelFolder(
    Path path,
    Config config,
    Optional<Config> tokenizer,
    Optional<Config> tokenizerConfig,
    Optional<Config> generationConfig) {
  private static final long MOST_BYTES = 1L << 29;

  /// Tokenizers with long lists of merges have them as one array; templates are long strings.
  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxStringLength(1 << 27).build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /// Reads a folder's JSON files.
  ///
  /// @throws InvalidInputException when it isn't such a folder, or a file isn't valid
  /// @throws IOException when a file can't be read
  static ModelFolder open(Path path) throws IOException {
    FolderKind.require(path, FolderKind.MODEL);
    Config config = read(path.resolve("config.json")).orElseThrow();
    return new ModelFolder(
        path.toRealPath(),
        textConfig(config),
        read(path.resolve("tokenizer.json")),
        read(path.resolve("tokenizer_config.json")),
        read(path.resolve("generation_config.json")));
  }

  private static Config textConfig(Config config) {
    if (!config.json().path("text_config").isObject()) {
      return config;
    }
    ObjectNode merged = config.json().deepCopy();
    merged.setAll((ObjectNode) config.json().get("text_config"));
    merged.set("architectures", config.json().path("architectures"));
    return new Config(config.file(), merged);
  }

  /// A JSON object in a file of its own, empty when there is no such file.
  static Optional<Config> read(Path file) throws IOException {
    Optional<JsonNode> node = json(file);
    if (node.isPresent() && !node.get().isObject()) {
      throw new InvalidInputException(file + " isn't a JSON object. Download it again");
    }
    return node.map(object -> new Config(file, object));
  }

  /// The JSON in a file, empty when there is no such file.
  static Optional<JsonNode> json(Path file) throws IOException {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      if (Files.size(file) > MOST_BYTES) {
        throw new InvalidInputException(file + " is too large for what it should be");
      }
      return Optional.of(JSON.readTree(Files.readAllBytes(file)));
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(
          "%s isn't valid JSON: %s (line %s). Download it again"
              .formatted(
                  file,
                  e.getOriginalMessage(),
                  e.getLocation() == null ? "?" : e.getLocation().getLineNr()),
          e);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /// The first of `architectures`, such as `LlamaForCausalLM`.
  String architecture() {
    return config
        .list("architectures")
        .filter(list -> !list.isEmpty())
        .map(list -> list.getFirst().asText())
        .orElseThrow(() -> config.invalid("there is no 'architectures', which names the model"));
  }

  Optional<Path> file(String name) {
    Path file = path.resolve(name);
    return Files.isRegularFile(file) ? Optional.of(file) : Optional.empty();
  }
}
