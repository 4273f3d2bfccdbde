package io.lorikeet.quant;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/// The index of a sharded model, `model.safetensors.index.json`: which file holds which tensor.
///
/// @param path the index itself
/// @param files file names in the index's folder, by tensor name
record SafetensorsIndex(Path path, Map<String, String> files) {
  private static final String SUFFIX = ".safetensors.index.json";
  private static final long MOST_BYTES = 1 << 28;

  static boolean isIndex(Path path) {
    return path.toString().endsWith(SUFFIX);
  }

  static SafetensorsIndex read(Path path) throws IOException {
    JsonNode root;
    try {
      if (Files.size(path) > MOST_BYTES) {
        throw new InvalidInputException(path + " is too large for an index of tensors");
      }
      root =
          JsonMapper.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
              .build()
              .readTree(Files.readAllBytes(path));
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(path + " doesn't exist. Check the name", e);
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(
          path + " isn't valid JSON: " + e.getOriginalMessage() + ". Download it again", e);
    }
    JsonNode map = root.path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw new InvalidInputException(
          path + " has no 'weight_map', which tells the file of each tensor. Download it again");
    }
    Map<String, String> files = new LinkedHashMap<>();
    List<String> problems = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String file = entry.getValue().asText("");
      if (!file.matches("[^/\\\\\\p{Cntrl}]+\\.safetensors")) {
        problems.add("'" + entry.getKey() + "' is in '" + file + "'");
      }
      files.put(entry.getKey(), file);
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          path + ": each tensor should be in a .safetensors file of the same folder", problems);
    }
    return new SafetensorsIndex(path, files);
  }

  /// The files it names, in the order of their names; all of them are there.
  List<Path> existingFiles() {
    List<Path> paths = new TreeSet<>(files.values()).stream().map(path::resolveSibling).toList();
    List<String> missing =
        paths.stream().filter(file -> !Files.exists(file)).map(Path::toString).toList();
    if (!missing.isEmpty()) {
      throw InvalidInputException.of(
          "%s: of the %s files of this model some are missing; download them to the same folder"
              .formatted(path, paths.size()),
          missing);
    }
    return paths;
  }

  /// Compares the index with the files' tensors.
  void check(Collection<SafetensorsTensor> tensors, List<Path> paths) {
    Map<String, String> rest = new LinkedHashMap<>(files);
    List<String> problems = new ArrayList<>();
    for (SafetensorsTensor tensor : tensors) {
      String found = paths.get(tensor.part()).getFileName().toString();
      String expected = rest.remove(tensor.name());
      if (!found.equals(expected)) {
        problems.add(
            "'%s' is in %s, but according to the index %s"
                .formatted(tensor.name(), found, expected == null ? "nowhere" : "in " + expected));
      }
    }
    rest.forEach((name, file) -> problems.add("'" + name + "' isn't in " + file));
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          path + " doesn't fit its files; download all of them again", problems);
    }
  }
}
