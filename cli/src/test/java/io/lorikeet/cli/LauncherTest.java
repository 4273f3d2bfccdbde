package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The script `lorikeet`, with a JDK that tells the charset of its locale, and its version as the
/// options for the virtual machine allow.
class LauncherTest {
  private static final String JAVA =
      """
      #!/bin/sh
      locale charmap
      options=
      for option; do
        case $option in -X*) options="$options $option" ;; esac
      done
      exec '%s' $options -version
      """;

  @TempDir private Path home;
  private Path jdk;

  @BeforeEach
  void copyScript() throws IOException {
    Path script = Path.of("..", "lorikeet");
    assumeTrue(Files.isExecutable(script), "the script isn't here");
    Files.copy(script, home.resolve("lorikeet")); // with its permissions
    Path built = Files.createDirectories(home.resolve("target/app")).resolve("built");
    jdk = Files.createDirectories(home.resolve("jdk/bin")).getParent();
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25\"\n");
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    for (String program : new String[] {"java", "javac"}) {
      Path file = Files.writeString(jdk.resolve("bin/" + program), JAVA.formatted(java));
      file.toFile().setExecutable(true);
    }
    Files.writeString(built, "");
  }

  @Test
  void textsAreInUtf8WhereTheLocaleKnowsOnlyAscii() throws IOException, InterruptedException {
    assertEquals("UTF-8", charsetOfJava(Map.of("LC_ALL", "C")));
    assertEquals("UTF-8", charsetOfJava(Map.of("LC_CTYPE", "POSIX")));
    assertEquals("UTF-8", charsetOfJava(Map.of("LANG", "xx_YY.UTF-8"))); // isn't installed
    assertEquals("UTF-8", charsetOfJava(Map.of()));
    assertEquals("UTF-8", charsetOfJava(Map.of("LANG", "C.UTF-8")));
  }

  @Test
  void aJreRunsWhatIsBuilt() throws IOException, InterruptedException {
    Files.delete(jdk.resolve("bin/javac"));
    Files.writeString(jdk.resolve("bin/java"), "#!/bin/sh\necho the JRE\n");
    assertEquals("the JRE", outputOf(Map.of()).strip());
  }

  /// Its own Java starts what lies beside it, from wherever a link leads there; nothing is built.
  @Test
  void aDistributionNeedsNothingElse() throws IOException, InterruptedException {
    Path distribution = Files.createDirectories(home.resolve("a folder/lorikeet"));
    Files.copy(home.resolve("lorikeet"), distribution.resolve("lorikeet"));
    Path java = Files.createDirectories(distribution.resolve("runtime/bin")).resolve("java");
    Files.writeString(java, "#!/bin/sh\nfor word; do echo \"$word\"; done\n");
    java.toFile().setExecutable(true);
    Path bin = Files.createDirectory(distribution.resolve("bin"));
    Files.createSymbolicLink(bin.resolve("lorikeet"), Path.of("../lorikeet"));
    Files.createSymbolicLink(home.resolve("linked"), bin.resolve("lorikeet"));

    ProcessBuilder program = new ProcessBuilder(home.resolve("linked").toString(), "a  word");
    program.environment().clear();
    program.environment().put("PATH", "/usr/bin:/bin");
    Process process = program.redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    List<String> words = output.lines().toList();
    Path real = distribution.toRealPath();
    assertTrue(words.contains("-Djava.library.path=" + real.resolve("natives")), output);
    assertTrue(words.contains("-Dlorikeet.home=" + real), output);
    assertTrue(words.contains("-Dlorikeet.command=" + home.resolve("linked")), output);
    int jar = words.indexOf("-jar");
    assertEquals(
        List.of(real.resolve("app/lorikeet.jar").toString(), "a  word"),
        words.subList(jar + 1, words.size()));
  }

  @Test
  void anEndThatJavaCannotTellOfIsToldInWords() throws IOException, InterruptedException {
    java("echo begun >\"$pipe\"; kill -9 $$");
    assertEnds(137, "the process was killed");
    java("echo begun >\"$pipe\"; echo >\"$crash\"; kill -6 $$");
    assertEnds(134, "report of the crash is in " + temporary());
    java("echo begun >\"$pipe\"; echo ended >\"$pipe\"; kill -15 $$");
    assertEnds(143, "");
    java("exit 1"); // such as for an option that Java doesn't know
    assertEnds(1, "");
  }

  /// Replaces the program: it is told the pipe and the file for a report of a crash.
  private void java(String script) throws IOException {
    Files.writeString(
        jdk.resolve("bin/java"),
        """
        #!/bin/sh
        for word; do
          case $word in
            -Dlorikeet.watch=*) pipe=${word#*=} ;;
            -XX:ErrorFile=*) crash=${word#*=} ;;
          esac
        done
        """
            + script
            + "\n");
  }

  private Path temporary() throws IOException {
    return Files.createDirectories(home.resolve("tmp"));
  }

  private void assertEnds(int exitCode, String words) throws IOException, InterruptedException {
    ProcessBuilder program = new ProcessBuilder(home.resolve("lorikeet").toString());
    program.redirectErrorStream(true);
    program.environment().put("JAVA_HOME", jdk.toString());
    program.environment().put("TMPDIR", temporary().toString());
    Process process = program.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(exitCode, process.waitFor(), output);
    assertTrue(output.contains(words), output);
    assertEquals(words.isEmpty(), output.isEmpty(), output);
    try (Stream<Path> left = Files.list(temporary())) {
      assertEquals(
          List.of(), left.filter(file -> file.toString().endsWith(".pipe")).toList(), output);
    }
  }

  @Test
  void smallHeapsStart() throws IOException, InterruptedException {
    assertTrue(outputOf(Map.of()).contains("version"));
    assertTrue(outputOf(Map.of("LORIKEET_JAVA_OPTS", "-Xmx24m")).contains("version"));
  }

  private String charsetOfJava(Map<String, String> locale)
      throws IOException, InterruptedException {
    return outputOf(locale).lines().findFirst().orElse("");
  }

  private String outputOf(Map<String, String> environment)
      throws IOException, InterruptedException {
    ProcessBuilder program = new ProcessBuilder(home.resolve("lorikeet").toString());
    program.redirectErrorStream(true);
    program.environment().keySet().removeIf(name -> name.matches("LANG|LC_.*|LORIKEET_.*"));
    program.environment().putAll(environment);
    program.environment().put("JAVA_HOME", jdk.toString());
    Process process = program.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }
}
