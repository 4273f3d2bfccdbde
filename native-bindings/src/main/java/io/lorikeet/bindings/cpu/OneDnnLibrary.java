package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeJar;
import io.lorikeet.bindings.NativeLocation;
import io.lorikeet.onednn.OneDnn;
import io.lorikeet.onednn.dnnl_version_t;
import java.io.File;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Intel's oneDNN, whose matrix products on x86 processors are several times as fast as ggml's. It
/// isn't needed: without it, ggml multiplies. Looked for in the jar `dnnl-…` on the class path or
/// module path, then in the folders of `java.library.path`.
final class OneDnnLibrary {
  /// The major version whose headers the bindings were generated from.
  private static final int MAJOR_VERSION = 3;

  private static final String JAR_MODULE = "org.bytedeco.dnnl.linux.x86_64";
  private static final String JAR_FOLDER = "org/bytedeco/dnnl/linux-x86_64/";
  private static final String LIBRARY = "libdnnl.so." + MAJOR_VERSION;
  private static final String OPEN_MP = "libgomp.so.1";
  private static final Set<String> WANTED = Set.of(JAR_FOLDER + LIBRARY, JAR_FOLDER + OPEN_MP);
  private static final Logger LOG = LoggerFactory.getLogger(OneDnnLibrary.class);

  /// Libraries can't be unloaded: what was loaded, or that nothing was, is settled by the first
  /// call.
  private static @Nullable Optional<OneDnnLibrary> loaded;

  private final String version;
  private final OneDnnChoice choice;

  private OneDnnLibrary(String version, OneDnnChoice choice) {
    this.version = version;
    this.choice = choice;
  }

  /// Loads it, or returns empty, having said why, where it isn't there or can't do better than
  /// ggml; later calls return what the first one did.
  static synchronized Optional<OneDnnLibrary> load() {
    if (loaded == null) {
      loaded = find();
    }
    return loaded;
  }

  private static Optional<OneDnnLibrary> find() {
    if (!NativeLocation.platform().equals("linux-x64")) {
      return Optional.empty();
    }
    try {
      Optional<Path> folder = folder();
      if (folder.isEmpty()) {
        LOG.info("oneDNN isn't there: ggml multiplies matrices");
        return Optional.empty();
      }
      return load(folder.get());
    } catch (UnsatisfiedLinkError | GgmlException e) {
      LOG.warn("oneDNN can't be used, ggml multiplies matrices: {}", e.getMessage());
      return Optional.empty();
    }
  }

  private static Optional<Path> folder() {
    Optional<Path> extracted =
        NativeJar.find(JAR_MODULE, JAR_FOLDER + LIBRARY)
            .flatMap(jar -> NativeJar.extractToCache(jar, WANTED::contains));
    return extracted.or(
        () ->
            Stream.of(System.getProperty("java.library.path", "").split(File.pathSeparator))
                .filter(entry -> !entry.isEmpty())
                .map(Path::of)
                .filter(folder -> Files.exists(folder.resolve(LIBRARY)))
                .findFirst());
  }

  private static Optional<OneDnnLibrary> load(Path folder) {
    Path openMp = folder.resolve(OPEN_MP);
    if (Files.exists(openMp)) {
      // Loaded first, it is the one that oneDNN finds.
      System.load(openMp.toAbsolutePath().toString());
    }
    System.load(folder.resolve(LIBRARY).toAbsolutePath().toString());
    MemorySegment version = OneDnn.dnnl_version().reinterpret(dnnl_version_t.sizeof());
    int major = dnnl_version_t.major(version);
    String name =
        "%s.%s.%s".formatted(major, dnnl_version_t.minor(version), dnnl_version_t.patch(version));
    if (major != MAJOR_VERSION) {
      LOG.warn("oneDNN {} is not version {}: ggml multiplies matrices", name, MAJOR_VERSION);
      return Optional.empty();
    }
    Optional<OneDnnChoice> choice = OneDnnChoice.measure();
    if (choice.isEmpty()) {
      LOG.info("oneDNN {} has no products for this processor: ggml multiplies matrices", name);
      return Optional.empty();
    }
    LOG.info("oneDNN {} multiplies matrices, in {}", name, choice.get().type());
    return choice.map(chosen -> new OneDnnLibrary(name, chosen));
  }

  /// The format it multiplies in.
  OneDnnChoice choice() {
    return choice;
  }

  @Override
  public String toString() {
    return "oneDNN " + version;
  }
}
