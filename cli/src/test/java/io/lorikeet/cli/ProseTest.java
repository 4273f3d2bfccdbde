package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.cli.Prose.Finding;
import io.lorikeet.cli.Prose.Line;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/// Comments, documentation and help texts are easy to read; see [Prose].
class ProseTest {
  private static final Path ROOT = Path.of("..");
  private static final Set<String> NOT_WRITTEN_HERE = Set.of("target", "generated", "node_modules");

  @Test
  void comments() throws IOException {
    List<String> problems = new ArrayList<>();
    for (Path file : files(".java")) {
      for (List<Line> comment : JavaComments.of(Files.readAllLines(file))) {
        problems.addAll(problems(ROOT.relativize(file).toString(), comment));
      }
    }
    assertNone(problems);
  }

  /// The changelog isn't documentation, but a list of notes.
  @Test
  void documentation() throws IOException {
    List<String> problems = new ArrayList<>();
    for (Path file : files(".md")) {
      if (!file.endsWith("CHANGELOG.md")) {
        problems.addAll(
            problems(ROOT.relativize(file).toString(), lines(Files.readAllLines(file))));
      }
    }
    assertNone(problems);
  }

  @Test
  void help() {
    List<String> problems = new ArrayList<>();
    CommandLine commands = Main.program(new Main(new Interruption(Screen.none()), Screen.none()));
    PositionalInputs.addTo(commands);
    addHelp(commands, problems);
    assertNone(problems);
  }

  @Test
  void freeRelatives() {
    assertEquals(
        List.of(new Finding(2, "begins with a free relative", "What it `is`, isn't said.")),
        check("It is a thing.", "It is that. What it `is`,", "isn't said."));
    assertEquals(1, check("@param kind what it is").size());
    assertEquals(1, check("- **That which** is given").size());
    assertEquals(1, check("| name | whatever it is |").size());
    assertEquals(List.of(), check("It says \"What is it?\". (Who knows?) That is what it is."));
    assertEquals(List.of(), check("```", "What isn't prose.", "```", "", "    What isn't prose."));
  }

  @Test
  void longSentences() {
    String half = "word ".repeat(17).strip();
    assertEquals(List.of(), check(half, half + " last."));
    assertEquals(
        List.of("has 36 words"),
        check(half, half + " one", "last.").stream().map(Finding::problem).toList());
    assertEquals(List.of(), check(half + " `a code span is` [a link](to) ·", half.substring(10)));
    assertEquals(List.of(), check(half + ":", "- " + half, "- " + half, "", half + ".", half));
  }

  @Test
  void commentsOfJava() {
    List<String> source =
        List.of(
            "/// What one",
            "/// is.",
            "String a = \"// What isn't\" + '\"'; // what two is",
            "String b = \"\"\"",
            "    // What isn't.",
            "    \"\"\";",
            "/* What three",
            " * is. */ int c;",
            "// Nothing.");
    assertEquals(
        List.of(1, 3, 7),
        JavaComments.of(source).stream()
            .flatMap(comment -> Prose.check(comment).stream())
            .map(Finding::line)
            .toList());
  }

  private static List<Finding> check(String... text) {
    return Prose.check(lines(Arrays.asList(text)));
  }

  private static List<Line> lines(List<String> text) {
    return IntStream.range(0, text.size()).mapToObj(i -> new Line(i + 1, text.get(i))).toList();
  }

  private static void addHelp(CommandLine command, List<String> problems) {
    CommandSpec spec = command.getCommandSpec();
    String name = spec.qualifiedName();
    Stream.of(
            spec.usageMessage().header(),
            spec.usageMessage().description(),
            spec.usageMessage().footer())
        .forEach(text -> addHelp(name, text, problems));
    spec.usageMessage()
        .exitCodeList()
        .forEach((code, text) -> addHelp(name + " " + code, new String[] {text}, problems));
    spec.options().forEach(o -> addHelp(name + " " + o.longestName(), o.description(), problems));
    spec.positionalParameters()
        .forEach(p -> addHelp(name + " " + p.paramLabel(), p.description(), problems));
    command.getSubcommands().values().forEach(sub -> addHelp(sub, problems));
  }

  private static void addHelp(String place, String[] text, List<String> problems) {
    List<String> lines = String.join("%n", text).replace("%n", "\n").lines().toList();
    problems.addAll(problems(place, lines(lines)));
  }

  private static List<String> problems(String place, List<Line> text) {
    return Prose.check(text).stream()
        .map(found -> place + ":" + found.line() + ": " + found.problem() + ": " + found.sentence())
        .toList();
  }

  private static void assertNone(List<String> problems) {
    assertTrue(problems.isEmpty(), () -> "Rewrite these:\n" + String.join("\n", problems));
  }

  private static List<Path> files(String suffix) throws IOException {
    List<Path> files = new ArrayList<>();
    Files.walkFileTree(
        ROOT,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            String name = folder.getFileName().toString();
            boolean isOurs =
                folder.equals(ROOT) || !name.startsWith(".") && !NOT_WRITTEN_HERE.contains(name);
            return isOurs ? FileVisitResult.CONTINUE : FileVisitResult.SKIP_SUBTREE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.toString().endsWith(suffix)) {
              files.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    files.sort(null);
    return files;
  }
}
