package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The generated bindings are what jextract made: `src/generated/README.md` says how.
class GeneratedBindingsTest {
  private static final Path FOLDER = Path.of("src", "generated");

  @Test
  void theSourcesHaveTheirChecksums() throws IOException {
    assertEquals(
        recorded(), present(), "sources edited by hand? src/generated/README.md makes them anew");
  }

  /// Lines of `sha256sum`: a sum, two spaces, a path.
  private static Map<String, String> recorded() throws IOException {
    return Files.readAllLines(FOLDER.resolve("SHA256SUMS")).stream()
        .map(line -> line.split("  ", 2))
        .collect(Collectors.toMap(words -> words[1], words -> words[0], (a, b) -> a, TreeMap::new));
  }

  private static Map<String, String> present() throws IOException {
    try (Stream<Path> files = Files.walk(FOLDER.resolve("java"))) {
      return files
          .filter(Files::isRegularFile)
          .collect(
              Collectors.toMap(
                  file -> FOLDER.relativize(file).toString().replace('\\', '/'),
                  GeneratedBindingsTest::sum,
                  (a, b) -> a,
                  TreeMap::new));
    }
  }

  private static String sum(Path file) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(Files.readAllBytes(file)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
