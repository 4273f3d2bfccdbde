import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Formats the project's Java sources, or checks that they are formatted, in one process.
///
/// `java -cp google-java-format.jar formatter/Format.java check|apply ROOT`; the root pom runs it
/// on the JDK the
/// sources are for, which the Java that runs Maven may be too old to parse.
public final class Format {
  private static final int WIDTH = 100;
  private static final Set<String> SKIPPED = Set.of("target", "generated", "node_modules", "runs");

  private Format() {}

  public static void main(String[] arguments) throws IOException {
    boolean apply = arguments[0].equals("apply");
    Path root = Path.of(arguments[1]);
    Formatter formatter =
        new Formatter(
            JavaFormatterOptions.builder().formatJavadoc(true).reorderModifiers(true).build());
    List<String> wrong = new ArrayList<>();
    for (Path file : sources(root)) {
      String source = Files.readString(file);
      String formatted;
      try {
        String wrapped = wrapMarkdown(source);
        formatted =
            formatter.formatSource(
                ImportOrderer.reorderImports(
                    RemoveUnusedImports.removeUnusedImports(wrapped),
                    JavaFormatterOptions.Style.GOOGLE));
      } catch (FormatterException e) {
        wrong.add(root.relativize(file) + ": " + e.getMessage());
        continue;
      }
      if (formatted.equals(source)) {
        continue;
      }
      if (apply) {
        Files.writeString(file, formatted);
        System.out.println("formatted " + root.relativize(file));
      } else {
        wrong.add(root.relativize(file).toString());
      }
    }
    if (!wrong.isEmpty()) {
      System.err.println(
          "Not formatted as google-java-format does (mvn -N -Pformat formats them):");
      wrong.forEach(file -> System.err.println("  " + file));
      System.exit(1);
    }
  }

  private static List<Path> sources(Path root) throws IOException {
    List<Path> files = new ArrayList<>();
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            String name = folder.getFileName().toString();
            boolean skip = !folder.equals(root) && (name.startsWith(".") || SKIPPED.contains(name));
            return skip ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (file.toString().endsWith(".java")) {
              files.add(file);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return files;
  }

  /// Breaks Markdown doc comments at the line width, carrying words over into the next line of the
  /// same paragraph. The formatter itself would go on with `//`, which ends the doc comment.
  private static String wrapMarkdown(String source) {
    List<String> lines = new ArrayList<>(source.lines().toList());
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      int words = line.indexOf("/// ") + 4;
      if (line.length() <= WIDTH || !line.stripLeading().startsWith("/// ")) {
        continue;
      }
      String hang = hangingIndent(line.substring(words));
      int at = line.lastIndexOf(' ', WIDTH);
      if (at <= words + hang.length()) {
        continue;
      }
      String prefix = line.substring(0, words) + hang;
      lines.set(i, line.substring(0, at));
      String rest = prefix + line.substring(at + 1);
      boolean goesOn = i + 1 < lines.size() && isProse(lines.get(i + 1), prefix);
      if (goesOn) {
        lines.set(i + 1, rest + " " + lines.get(i + 1).substring(prefix.length()));
      } else {
        lines.add(i + 1, rest);
      }
    }
    return String.join("\n", lines) + "\n";
  }

  /// The further indentation of the lines that go on with a list item or a tag.
  private static String hangingIndent(String text) {
    return text.matches("[-*] .*") ? "  " : text.startsWith("@") ? "    " : "";
  }

  private static boolean isProse(String line, String prefix) {
    return line.startsWith(prefix) && line.substring(prefix.length()).matches("[\\p{L}\\d`(\\[].*");
  }
}
