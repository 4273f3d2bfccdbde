package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Says why a GPU backend whose file is there offers no device: ggml passes over it in silence.
final class MissingBackends {

  /// @param prefix how the backend's file begins
  /// @param registryName ggml's name of the backend
  /// @param needed the libraries it needs of the system, and the packages that provide them
  /// @param noDevice the reason, in words, when it loads and has no device
  private record GpuBackend(
      String prefix, String registryName, List<Needed> needed, String noDevice) {}

  private record Needed(String library, String provider) {}

  private static final String CUDA_RUNTIME =
      "the CUDA 13 toolkit's libraries (package cuda-libraries-13-0, or LD_LIBRARY_PATH to where"
          + " they are)";

  private static final List<GpuBackend> BACKENDS =
      List.of(
          new GpuBackend(
              "libggml-cuda",
              "CUDA",
              List.of(
                  new Needed("libcuda.so.1", "NVIDIA's driver, version 580 or newer"),
                  new Needed("libcudart.so.13", CUDA_RUNTIME),
                  new Needed("libcublas.so.13", CUDA_RUNTIME)),
              "the driver sees no GPU (what does nvidia-smi say?)"),
          new GpuBackend(
              "libggml-vulkan",
              "Vulkan",
              List.of(
                  new Needed(
                      "libvulkan.so.1", "Vulkan's loader (package libvulkan1 or vulkan-loader)")),
              "no driver offers a GPU (what does vulkaninfo --summary say?). Software devices such"
                  + " as Mesa's lavapipe count only with GGML_VK_VISIBLE_DEVICES=0"));

  private MissingBackends() {}

  /// One sentence for each GPU backend in `folder` that offers no device.
  static List<String> explain(Path folder) {
    List<String> sentences = new ArrayList<>();
    for (GpuBackend backend : BACKENDS) {
      file(folder, backend.prefix())
          .filter(_ -> deviceCount(backend.registryName()) == 0)
          .ifPresent(
              file ->
                  sentences.add(backend.registryName() + " can't be used: " + why(backend, file)));
    }
    return sentences;
  }

  private static Optional<Path> file(Path folder, String prefix) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.getFileName().toString().startsWith(prefix)).findFirst();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long deviceCount(String registryName) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment registry = Ggml.ggml_backend_reg_by_name(arena.allocateFrom(registryName));
      return registry.equals(MemorySegment.NULL) ? 0 : Ggml.ggml_backend_reg_dev_count(registry);
    }
  }

  private static String why(GpuBackend backend, Path file) {
    List<String> missing = new ArrayList<>();
    for (Needed needed : backend.needed()) {
      if (!isLoadable(needed.library())) {
        missing.add(needed.library() + " is missing: install " + needed.provider());
      }
    }
    if (!missing.isEmpty()) {
      return String.join("; ", missing);
    }
    try {
      System.load(file.toString());
      return backend.noDevice();
    } catch (UnsatisfiedLinkError e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static boolean isLoadable(String library) {
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup(library, arena);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
