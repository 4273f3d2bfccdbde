package io.lorikeet.quant;

import java.nio.file.Path;
import java.util.Objects;

/// Parts of a path that [Path] gives as null for the root.
public final class PathParts {
  private PathParts() {}

  /// The folder that an absolute path lies in; the root is its own.
  public static Path folder(Path file) {
    return Objects.requireNonNullElse(file.getParent(), file);
  }

  /// The last name of a path, empty for the root.
  public static String name(Path file) {
    return Objects.toString(file.getFileName(), "");
  }
}
