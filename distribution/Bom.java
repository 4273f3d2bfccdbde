import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/// Writes the bill of materials of each image, in CycloneDX's format: to the jars that Maven's
/// plugin has listed it adds Java's runtime, the package of ggml and llama.cpp, and each file of
/// `natives/`.
///
/// `java -cp JARS distribution/Bom.java LIST ROOT IMAGES OUTPUT VERSION`
public final class Bom {
  private static final String SUFFIX = ".cdx.json";
  private static final ObjectMapper JSON = new ObjectMapper();

  private Bom() {}

  public static void main(String[] arguments) throws IOException {
    JsonNode list = JSON.readTree(Path.of(arguments[0]).toFile());
    Path root = Path.of(arguments[1]);
    Path output = Files.createDirectories(Path.of(arguments[3]));
    for (Path old : list(output)) {
      if (old.toString().endsWith(SUFFIX)) {
        Files.delete(old);
      }
    }
    for (Path image : list(Path.of(arguments[2]))) {
      String name = image.getFileName().toString();
      String natives = name.substring("lorikeet-".length() + arguments[4].length() + 1);
      ObjectNode bom = list.deepCopy();
      removeMomentOfBuild(bom);
      ArrayNode components = bom.withArray("components");
      components.add(runtime());
      components.add(libraries(root.resolve("native-bindings/natives").resolve(natives), natives));
      for (Path file : list(image.resolve("natives"))) {
        components.add(file(file));
      }
      JSON.writerWithDefaultPrettyPrinter().writeValue(output.resolve(name + SUFFIX).toFile(), bom);
    }
  }

  /// Jars of this project tell when they were built, which the image leaves out.
  private static void removeMomentOfBuild(ObjectNode bom) {
    bom.remove("serialNumber");
    bom.withObject("metadata").remove("timestamp");
    for (JsonNode component : bom.withArray("components")) {
      if (component.path("group").asText().equals("io.github.lorikeet-java")) {
        ((ObjectNode) component).remove("hashes");
      }
    }
  }

  private static ObjectNode runtime() {
    ObjectNode component = JSON.createObjectNode();
    component.put("type", "platform").put("bom-ref", "runtime").put("name", "OpenJDK");
    component.put("version", System.getProperty("java.runtime.version"));
    component.putObject("supplier").put("name", System.getProperty("java.vendor"));
    component
        .putArray("licenses")
        .addObject()
        .put("expression", "GPL-2.0-only WITH Classpath-exception-2.0");
    return component;
  }

  private static ObjectNode libraries(Path folder, String name) throws IOException {
    JsonNode locked =
        JSON.readTree(folder.resolve("package-lock.json").toFile())
            .path("packages")
            .path("node_modules/@node-llama-cpp/" + name);
    String version = locked.path("version").asText();
    String purl = "pkg:npm/%40node-llama-cpp/" + name + "@" + version;
    ObjectNode component = JSON.createObjectNode();
    component.put("type", "library").put("bom-ref", purl);
    component.put("group", "@node-llama-cpp").put("name", name).put("version", version);
    String hash = locked.path("integrity").asText().substring("sha512-".length());
    addHash(component, "SHA-512", Base64.getDecoder().decode(hash));
    component.putArray("licenses").addObject().putObject("license").put("id", "MIT");
    return component.put("purl", purl);
  }

  private static ObjectNode file(Path file) throws IOException {
    String name = "natives/" + file.getFileName();
    ObjectNode component = JSON.createObjectNode();
    component.put("type", "file").put("bom-ref", name).put("name", name);
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      addHash(component, "SHA-256", digest.digest(Files.readAllBytes(file)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    return component;
  }

  private static void addHash(ObjectNode component, String algorithm, byte[] hash) {
    component
        .putArray("hashes")
        .addObject()
        .put("alg", algorithm)
        .put("content", HexFormat.of().formatHex(hash));
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }
}
