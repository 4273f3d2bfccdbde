package io.lorikeet.cli;

import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.random.KnownShape;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import io.lorikeet.quant.TemporaryFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// The head of a file that isn't here, for as long as it is planned with.
final class PlannedShape implements AutoCloseable {
  /// In the place of a shape: all of them.
  static final String LIST = "list";

  private static final String DEFAULT = "Q4_K_M";

  /// How gpt-oss is published.
  private static final String DEFAULT_OF_GPT_OSS = "MXFP4";

  private final String name;
  private final Path folder;
  private final Path file;

  /// @param text a known shape and a type, such as `Llama-3.1-8B:Q4_K_M`
  /// @throws InvalidInputException when it is none
  PlannedShape(String text) throws IOException {
    String[] parts = text.split(":", 2);
    KnownShape shape = shape(parts[0]);
    String usual = shape.architecture().equals("gpt-oss") ? DEFAULT_OF_GPT_OSS : DEFAULT;
    String type = parts.length == 2 ? parts[1].toUpperCase(Locale.ROOT) : usual;
    if (!KnownShape.hasType(type)) {
      throw new InvalidInputException(
          "--shape: unknown type '%s'; known after a colon are %s%s"
              .formatted(
                  type,
                  String.join(", ", KnownShape.typeNames()),
                  NearestName.hint(type, KnownShape.typeNames())));
    }
    this.name = shape.name() + ", " + type;
    folder = Files.createTempDirectory("lorikeet-plan");
    TemporaryFiles.add(folder);
    file = folder.resolve(shape.name() + ".gguf");
    TemporaryFiles.add(file);
    shape.writeHead(file, type);
  }

  /// All shapes as a table.
  static List<String> table() {
    TableText table = new TableText("shape", "architecture", "weights", "context", "numbers of");
    for (KnownShape shape : KnownShape.ALL) {
      long context = shape.metadata().requireInteger(shape.architecture() + ".context_length");
      table.row(
          shape.name(),
          shape.architecture(),
          String.format(Locale.ROOT, "%.2fB", shape.weights() / 1e9),
          Words.count(context),
          shape.source());
    }
    return table.lines();
  }

  private static KnownShape shape(String name) {
    List<String> names = KnownShape.ALL.stream().map(KnownShape::name).toList();
    return KnownShape.named(name)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "--shape: unknown '%s'; known are %s%s"
                        .formatted(name, String.join(", ", names), NearestName.hint(name, names))));
  }

  /// Of the shape, and its type.
  String name() {
    return name;
  }

  Path file() {
    return file;
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(file);
    Files.deleteIfExists(folder);
    TemporaryFiles.remove(file);
    TemporaryFiles.remove(folder);
  }
}
