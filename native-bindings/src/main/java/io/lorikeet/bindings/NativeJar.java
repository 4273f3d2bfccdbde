package io.lorikeet.bindings;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/// The jar of native libraries, for projects that have Lorikeet from a repository of jars. The
/// system's loader needs files: they are extracted once into a folder of the user's cache that is
/// named after their contents.
public final class NativeJar {
  private static final String MODULE = "io.lorikeet.natives";

  private NativeJar() {}

  /// Extracts the libraries for this platform, or empty when no jar has them.
  static Optional<NativeLocation> extract() {
    String prefix = MODULE.replace('.', '/') + "/" + NativeLocation.platform() + "/";
    return find(MODULE, prefix + System.mapLibraryName("ggml-base"))
        .flatMap(
            jar ->
                extractToCache(jar, entry -> entry.startsWith(prefix))
                    .map(path -> new NativeLocation(path, jar.getFileName().toString())));
  }

  /// The jar that holds `resource`, on the class path or, as the module `module`, on the module
  /// path.
  public static Optional<Path> find(String module, String resource) {
    return onClassPath(resource).or(() -> onModulePath(module));
  }

  /// Extracts a jar's `wanted` files into a folder of the user's cache, or returns empty when it
  /// has none such.
  public static Optional<Path> extractToCache(Path jar, Predicate<String> wanted) {
    try {
      return extract(jar, wanted, cache());
    } catch (IOException e) {
      throw new GgmlException(
          "the native libraries could not be extracted into "
              + cache()
              + "; XDG_CACHE_HOME can name another folder ("
              + e
              + ")",
          e);
    }
  }

  private static Optional<Path> onClassPath(String name) {
    URL resource = NativeJar.class.getClassLoader().getResource(name);
    try {
      return resource != null && resource.openConnection() instanceof JarURLConnection connection
          ? Optional.of(Path.of(connection.getJarFileURL().toURI()))
          : Optional.empty();
    } catch (IOException | URISyntaxException e) {
      throw new GgmlException("the jar of native libraries can't be read: " + resource, e);
    }
  }

  /// No module requires the jar's, so that it is on the module path but not among the modules.
  private static Optional<Path> onModulePath(String name) {
    Path[] path =
        Stream.of(System.getProperty("jdk.module.path", "").split(File.pathSeparator))
            .filter(entry -> !entry.isEmpty())
            .map(Path::of)
            .toArray(Path[]::new);
    return ModuleFinder.of(path)
        .find(name)
        .flatMap(module -> module.location())
        .filter(uri -> uri.getScheme().equals("file"))
        .map((URI uri) -> Path.of(uri));
  }

  /// Extracts `jar`'s `wanted` files into a folder of `cache`, as far as they aren't there. Several
  /// processes may do so at once: each file appears under its name when it is complete.
  static Optional<Path> extract(Path jar, Predicate<String> wanted, Path cache) throws IOException {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      List<? extends ZipEntry> entries =
          zip.stream()
              .filter(entry -> wanted.test(entry.getName()) && !entry.isDirectory())
              .toList();
      if (entries.isEmpty()) {
        return Optional.empty();
      }
      Path folder = Files.createDirectories(cache.resolve(fingerprint(entries)));
      for (ZipEntry entry : entries) {
        Path file = folder.resolve(Path.of(entry.getName()).getFileName());
        if (!Files.exists(file) || Files.size(file) != entry.getSize()) {
          Path temporary = Files.createTempFile(folder, "extracting", null);
          try (InputStream in = zip.getInputStream(entry)) {
            Files.copy(in, temporary, StandardCopyOption.REPLACE_EXISTING);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
          } finally {
            Files.deleteIfExists(temporary);
          }
        }
      }
      return Optional.of(folder);
    }
  }

  /// Names, sizes and checksums as the jar's directory has them: no file is read for it.
  private static String fingerprint(List<? extends ZipEntry> entries) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      entries.stream()
          .map(entry -> entry.getName() + " " + entry.getSize() + " " + entry.getCrc() + "\n")
          .sorted()
          .forEach(line -> digest.update(line.getBytes(StandardCharsets.UTF_8)));
      return HexFormat.of().formatHex(digest.digest(), 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Path cache() {
    return UserCache.folder().resolve("natives");
  }
}
