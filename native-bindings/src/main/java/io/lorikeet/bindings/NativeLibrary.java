package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.llama.Llama;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Finds, loads and checks the native libraries of ggml and llama.cpp, once per process.
public final class NativeLibrary {
  /// The version of ggml whose headers the bindings were generated from.
  public static final String GGML_VERSION = "0.25.1";

  /// The version of llama.cpp whose headers the bindings were generated from.
  public static final String LLAMA_VERSION = "v0.5.0";

  private static final Logger LOG = LoggerFactory.getLogger(NativeLibrary.class);

  /// Libraries can't be unloaded: what was loaded, or why not, is settled by the first call.
  private static @Nullable Loaded loaded;

  private static @Nullable GgmlException failure;

  /// The loaded libraries.
  ///
  /// @param location the folder, and the setting that named it
  /// @param ggmlVersion the library's own version
  /// @param llamaVersion the library's own version
  /// @param missingBackends why backends in that folder can't be used here, in words
  public record Loaded(
      NativeLocation location,
      String ggmlVersion,
      String llamaVersion,
      List<String> missingBackends) {
    public Loaded {
      missingBackends = List.copyOf(missingBackends);
    }
  }

  private NativeLibrary() {}

  /// Loads the libraries; later calls return what the first one did.
  ///
  /// @throws GgmlException when they can't be found or loaded or don't fit the bindings, naming
  ///     what was looked for and what to do
  public static synchronized Loaded load() {
    if (failure != null) {
      throw new GgmlException(failure.getMessage(), failure);
    }
    if (loaded == null) {
      try {
        loaded = loadFrom(NativeLocation.find());
      } catch (GgmlException e) {
        failure = e;
        throw e;
      }
      loaded.missingBackends().forEach(LOG::warn);
    }
    return loaded;
  }

  private static Loaded loadFrom(NativeLocation location) {
    load(location, "ggml-base");
    String ggmlVersion = AbiCheck.requireGgmlVersion(location);
    AbiCheck.requireGgmlLayouts(location);
    NativeLog.route(Ggml::ggml_log_set);
    AbortMessage.install();
    load(location, "ggml");
    loadBackends(location);
    load(location, "llama");
    NativeLog.route(Llama::llama_log_set);
    AbiCheck.requireLlamaLayouts(location);
    return new Loaded(
        location,
        ggmlVersion,
        Llama.llama_version().getString(0),
        MissingBackends.explain(location.folder()));
  }

  private static void loadBackends(NativeLocation location) {
    try (Arena arena = Arena.ofConfined()) {
      Ggml.ggml_backend_load_all_from_path(arena.allocateFrom(location.folder().toString()));
    }
    if (Ggml.ggml_backend_dev_count() == 0) {
      // Linux distributions keep the backends in a folder that only their libggml knows.
      Ggml.ggml_backend_load_all();
    }
    if (Ggml.ggml_backend_dev_count() == 0) {
      throw new GgmlException(
          "ggml found no backend it can compute with, not even for the CPU, in " + location);
    }
  }

  private static void load(NativeLocation location, String library) {
    String file = location.file(library).toString();
    try {
      // Bindings look symbols up in the libraries of their own class loader, which is this class's.
      System.load(file);
    } catch (UnsatisfiedLinkError e) {
      throw new GgmlException(
          "the system's loader refused a native library of " + location + ": " + e.getMessage(), e);
    }
  }
}
