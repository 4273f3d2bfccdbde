package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.llama.Llama;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/// Finds and loads the native libraries of ggml and llama.cpp, once per process.
public final class NativeLibrary {
  private static boolean loaded;

  private NativeLibrary() {}

  /// Loads the libraries; later calls return at once.
  ///
  /// @throws GgmlException when they can't be found or loaded, naming what was looked for and what to do
  public static synchronized void load() {
    if (loaded) {
      return;
    }
    String configured = System.getProperty("lorikeet.native.dir", System.getenv("LORIKEET_NATIVE_DIR"));
    if (configured == null) {
      throw new GgmlException("no native libraries: set LORIKEET_NATIVE_DIR to the folder of libggml-base.so");
    }
    Path folder = Path.of(configured).toAbsolutePath();
    System.load(find(folder, "libggml-base"));
    System.load(find(folder, "libggml."));
    NativeLog.route(Ggml::ggml_log_set);
    try (Arena arena = Arena.ofConfined()) {
      Ggml.ggml_backend_load_all_from_path(arena.allocateFrom(folder.toString()));
    }
    System.load(find(folder, "libllama."));
    NativeLog.route(Llama::llama_log_set);
    loaded = true;
  }

  private static String find(Path folder, String prefix) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().startsWith(prefix))
          .findFirst()
          .orElseThrow(() -> new GgmlException(prefix + " is not in " + folder))
          .toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
