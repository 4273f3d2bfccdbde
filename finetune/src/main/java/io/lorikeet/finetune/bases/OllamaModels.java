package io.lorikeet.finetune.bases;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Models that Ollama has on this machine: `manifests/HOST/NAMESPACE/NAME/TAG` lists a model's
/// files, which are `blobs/sha256-…` (Ollama's `types/model/name.go`, `manifest/layer.go`).
final class OllamaModels {
  private static final String HOST = "registry.ollama.ai";
  private static final String NAMESPACE = "library";
  private static final String TAG = "latest";
  private static final int PARTS = 4;

  private static final String LAYER = "application/vnd.ollama.image.";
  private static final Pattern DIGEST = Pattern.compile("sha256:[0-9a-f]{64}");

  /// Architectures under names that only Ollama's own engine knows (`model/models` in its source).
  private static final Set<String> OWN =
      Set.of("gptoss", "mllama", "qwen25vl", "deepseekocr", "glmocr");

  /// Parts for images and sound, which Ollama's own engine has in the model's file and llama.cpp in
  /// a file beside it.
  private static final Pattern OTHER_PART = Pattern.compile("(v|a|mm|s)\\..*");

  private final List<Path> roots;
  private final BaseFinder.Listener listener;

  OllamaModels(Map<String, String> environment, Path home, BaseFinder.Listener listener) {
    String given = environment.getOrDefault("OLLAMA_MODELS", "");
    roots =
        given.isBlank()
            ? List.of(
                home.resolve(".ollama").resolve("models"),
                Path.of("/usr/share/ollama/.ollama/models"))
            : List.of(Path.of(given));
    this.listener = listener;
  }

  /// The file of a model.
  ///
  /// @param name `NAME[:TAG]`, also with a namespace and a host before it
  /// @throws InvalidInputException when Ollama doesn't have it, or only its own engine can use it
  Path find(String name) throws IOException {
    Map<String, Path> manifests = manifests();
    String full = full(name);
    for (Map.Entry<String, Path> one : manifests.entrySet()) {
      if (full(one.getKey()).equalsIgnoreCase(full)) {
        return file(name, one.getValue());
      }
    }
    throw new InvalidInputException(
        "ollama:%s isn't among Ollama's models in %s%s; 'ollama pull %s' fetches it"
            .formatted(
                name,
                String.join(", ", roots.stream().map(Path::toString).toList()),
                NearestName.of(name, manifests.keySet())
                    .map(near -> ", but ollama:" + near + " is")
                    .orElse(""),
                name));
  }

  /// Names of all models, as short as Ollama prints them.
  Set<String> names() throws IOException {
    return manifests().keySet();
  }

  /// The lists of files by the models' names.
  private Map<String, Path> manifests() throws IOException {
    Map<String, Path> found = new LinkedHashMap<>();
    for (Path root : roots) {
      Path folder = root.resolve("manifests");
      if (!Files.isReadable(folder)) {
        continue;
      }
      try (Stream<Path> files = Files.walk(folder, PARTS)) {
        files
            .filter(Files::isRegularFile)
            .map(folder::relativize)
            .filter(path -> path.getNameCount() == PARTS)
            .sorted()
            .forEach(path -> found.putIfAbsent(shortName(path), folder.resolve(path)));
      } catch (UncheckedIOException e) {
        throw e.getCause();
      }
    }
    return found;
  }

  private static String shortName(Path path) {
    List<String> parts = new ArrayList<>();
    path.forEach(part -> parts.add(part.toString()));
    String tag = parts.removeLast();
    if (parts.getFirst().equals(HOST)) {
      parts.removeFirst();
      if (parts.getFirst().equals(NAMESPACE)) {
        parts.removeFirst();
      }
    }
    return String.join("/", parts) + ":" + tag;
  }

  /// A name with all that was left out of it.
  private static String full(String name) {
    String tagged = name.indexOf(':', name.lastIndexOf('/') + 1) < 0 ? name + ":" + TAG : name;
    return switch (name.split("/").length) {
      case 1 -> HOST + "/" + NAMESPACE + "/" + tagged;
      case 2 -> HOST + "/" + tagged;
      default -> tagged;
    };
  }

  private Path file(String name, Path manifest) throws IOException {
    List<String> models = new ArrayList<>();
    List<String> kinds = new ArrayList<>();
    for (JsonNode layer : json(manifest).path("layers")) {
      String kind = layer.path("mediaType").asText();
      kinds.add(kind);
      if (kind.equals(LAYER + "model")) {
        models.add(layer.path("digest").asText());
      }
    }
    if (models.isEmpty()) {
      throw ownEngine(name, "it isn't a GGUF file");
    }
    if (models.size() > 1 || !DIGEST.matcher(models.getFirst()).matches()) {
      throw new InvalidInputException(
          "ollama:%s: expected one file of the model in %s, found %s"
              .formatted(name, manifest, models));
    }
    Path root = manifest.toAbsolutePath().resolve("../".repeat(PARTS + 1)).normalize();
    Path blob = root.resolve("blobs").resolve(models.getFirst().replace(':', '-'));
    if (!Files.isRegularFile(blob)) {
      throw new InvalidInputException(
          "ollama:%s: its file %s is missing; 'ollama pull %s' fetches it again"
              .formatted(name, blob, name));
    }
    checkEngine(name, blob);
    if (kinds.contains(LAYER + "adapter")) {
      listener.note("ollama:%s has an adapter, which isn't used: only its base is".formatted(name));
    }
    return blob;
  }

  private static JsonNode json(Path file) throws IOException {
    try {
      return new ObjectMapper().readTree(file.toFile());
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(file + " isn't valid JSON; is it a list of Ollama's?", e);
    }
  }

  private static void checkEngine(String name, Path blob) throws IOException {
    try (GgufFile file = GgufFile.openHeader(blob)) {
      String architecture = file.metadata().string("general.architecture").orElse("");
      if (OWN.contains(architecture)) {
        throw ownEngine(name, "its architecture is '" + architecture + "'");
      }
      Optional<String> part =
          file.tensors().stream()
              .map(GgufTensor::name)
              .filter(tensor -> OTHER_PART.matcher(tensor).matches())
              .findFirst();
      if (part.isPresent()) {
        throw ownEngine(name, "its file holds images' or sound's part as well, " + part.get());
      }
    }
  }

  private static InvalidInputException ownEngine(String name, String sign) {
    return new InvalidInputException(
        "ollama:%s is a model of Ollama's own engine, which llama.cpp can't load (%s). Take the model's GGUF file from Hugging Face"
            .formatted(name, sign));
  }
}
