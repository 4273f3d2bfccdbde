package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.KernelLibrary;
import io.lorikeet.bindings.ProductFormat;
import java.util.Optional;

/// Opens oneDNN for a backend, where it is there and faster than ggml.
public final class OneDnnProvider implements KernelLibrary.Provider {
  /// For [java.util.ServiceLoader].
  public OneDnnProvider() {}

  @Override
  public Optional<KernelLibrary> open(int threads, Optional<ProductFormat> wanted) {
    if (wanted.equals(Optional.of(ProductFormat.GGML))) {
      return Optional.empty();
    }
    return OneDnnLibrary.load()
        .<KernelLibrary>map(
            library -> {
              OneDnnChoice choice = wanted.flatMap(OneDnnChoice::of).orElse(library.choice());
              return new FastProducts(library.toString(), choice, threads);
            });
  }
}
