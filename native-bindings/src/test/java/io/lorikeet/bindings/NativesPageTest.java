package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The page that tells where native libraries come from names the packages that the build takes.
class NativesPageTest {
  private static final Path PAGE = Path.of("..", "docs", "building-natives.md");
  private static final Path PACKAGES = Path.of("natives");

  @Test
  void packagesOfNpm() throws IOException {
    String page = Files.readString(PAGE);
    List<Path> locks;
    try (Stream<Path> folders = Files.list(PACKAGES)) {
      locks =
          folders.map(folder -> folder.resolve("package-lock.json")).filter(Files::exists).toList();
    }
    assertEquals(4, locks.size());
    for (Path lock : locks) {
      String text = Files.readString(lock);
      String row =
          "| %s %s | `%s` |"
              .formatted(
                  lock.getParent().getFileName(),
                  only("node-llama-cpp/[^\"]*\": \\{\\s*\"version\": \"([^\"]*)\"", text),
                  only("\"integrity\": \"([^\"]*)\"", text));
      assertTrue(page.contains(row), row);
    }
  }

  @Test
  void jarsOfMaven() throws IOException {
    String page = Files.readString(PAGE);
    String pom = Files.readString(Path.of("..", "pom.xml"));
    assertTrue(
        page.contains("| dnnl-" + only("<onednn.version>(.*?)<", pom) + "-linux-x86_64.jar |"));
    assertTrue(page.contains("| zstd-jni-" + only("<zstd.version>(.*?)<", pom) + ".jar |"));
    assertTrue(page.contains("| snappy-java-" + only("<snappy.version>(.*?)<", pom) + ".jar |"));
  }

  private static String only(String pattern, String text) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    assertTrue(matcher.find(), pattern);
    return matcher.group(1);
  }
}
