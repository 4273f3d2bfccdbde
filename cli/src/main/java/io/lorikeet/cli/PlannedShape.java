package io.lorikeet.cli;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.KnownShape;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/// The head of a file that isn't here, for as long as it is planned with.
final class PlannedShape implements AutoCloseable {
  private static final String MIXED = "Q4_K_M";

  private final Path folder;
  private final Path file;

  /// @param text a known shape and a type, such as `Llama-3.1-8B:Q4_K_M`
  /// @throws InvalidInputException when it is none
  PlannedShape(String text) throws IOException {
    String[] parts = text.split(":", 2);
    KnownShape shape = shape(parts[0]);
    String name = parts.length == 2 ? parts[1].toUpperCase(Locale.ROOT) : MIXED;
    TensorType type = type(name);
    folder = Files.createTempDirectory("lorikeet-plan");
    file = shape.writeHead(folder.resolve(shape + "-" + name + ".gguf"), type);
  }

  private static KnownShape shape(String name) {
    return Arrays.stream(KnownShape.values())
        .filter(shape -> shape.toString().equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "--shape: unknown '%s'; known are %s".formatted(name, names())));
  }

  private static String names() {
    return Arrays.stream(KnownShape.values())
        .map(KnownShape::toString)
        .collect(Collectors.joining(", "));
  }

  private static TensorType type(String name) {
    return Arrays.stream(TensorType.values())
        .filter(TensorType::isQuantized)
        .filter(type -> type.name().equals(name) || (type == TensorType.Q4_K && name.equals(MIXED)))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidInputException(
                    ("--shape: unknown type '%s'; give one such as Q4_K_M, Q4_0 or IQ4_XS, after a"
                            + " colon")
                        .formatted(name)));
  }

  Path file() {
    return file;
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(file);
    Files.deleteIfExists(folder);
  }
}
