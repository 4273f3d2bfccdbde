package io.lorikeet.bindings;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Where the native libraries are. Looked for, in this order:
///
/// 1. the folder in the system property `lorikeet.native.dir` (the option `--native-dir`),
/// 2. the folder in the environment variable `LORIKEET_NATIVE_DIR`,
/// 3. in a checkout, the package that `./lorikeet natives --backend` has installed; in a
///    distribution, its folder `natives`,
/// 4. the jar `native-bindings-…-natives-….jar` on the class path or module path.
///
/// @param folder the folder of `libggml-base` and its companions
/// @param origin the setting that named it, in words
public record NativeLocation(Path folder, String origin) {

  @Override
  public String toString() {
    return folder + " (from " + origin + ")";
  }

  /// @throws GgmlException when the libraries are nowhere, saying where they can come from
  static NativeLocation find() {
    Optional<NativeLocation> named =
        named(System.getProperty("lorikeet.native.dir"), "--native-dir or lorikeet.native.dir")
            .or(() -> named(System.getenv("LORIKEET_NATIVE_DIR"), "LORIKEET_NATIVE_DIR"));
    if (named.isPresent()) {
      return named.get();
    }
    return InstalledNatives.ofCheckout()
        .flatMap(InstalledNatives::location)
        .or(NativeLocation::ofDistribution)
        .or(NativeJar::extract)
        .orElseThrow(NativeLocation::nowhere);
  }

  private static Optional<NativeLocation> ofDistribution() {
    return Optional.ofNullable(System.getProperty("lorikeet.home"))
        .map(home -> Path.of(home, "natives"))
        .filter(Files::isDirectory)
        .map(folder -> new NativeLocation(folder, "the distribution"));
  }

  private static GgmlException nowhere() {
    String remedy =
        InstalledNatives.ofCheckout().isPresent()
            ? "Install them with ./lorikeet natives --backend cpu"
            : "Add the jar native-bindings with the classifier natives-"
                + platform()
                + " to the class path";
    return new GgmlException(
        "the native libraries of ggml and llama.cpp are missing. "
            + remedy
            + ", or set LORIKEET_NATIVE_DIR to a folder with the libraries of llama.cpp "
            + NativeLibrary.LLAMA_VERSION);
  }

  private static Optional<NativeLocation> named(String folder, String origin) {
    if (folder == null || folder.isBlank()) {
      return Optional.empty();
    }
    Path path = Path.of(folder).toAbsolutePath().normalize();
    if (!Files.isDirectory(path)) {
      throw new GgmlException(origin + " names a folder that doesn't exist: " + path);
    }
    return Optional.of(new NativeLocation(path, origin));
  }

  /// This platform as the packages are named, such as `linux-x64`.
  public static String platform() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String processor = System.getProperty("os.arch");
    return (system.startsWith("mac") ? "mac" : system)
        + "-"
        + switch (processor) {
          case "amd64", "x86_64" -> "x64";
          case "aarch64" -> "arm64";
          default -> processor;
        };
  }

  /// The file of a library, under whatever name builds and distributions give it: `libggml.so`,
  /// `libggml.so.0`, `libggml.v0.5.0.so`, `libggml.dylib`.
  ///
  /// @param library the name without `lib` and suffix, such as `ggml-base`
  /// @throws GgmlException when there is none in the folder
  Path file(String library) {
    Pattern name =
        Pattern.compile("lib" + Pattern.quote(library) + "(\\.[\\w.]+)?\\.(so|dylib)(\\.[\\d.]+)?");
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> name.matcher(file.getFileName().toString()).matches())
          .min(
              Comparator.comparingInt((Path file) -> file.toString().length())
                  .thenComparing(f -> f))
          .orElseThrow(() -> new GgmlException("lib" + library + " is not in the folder " + this));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
