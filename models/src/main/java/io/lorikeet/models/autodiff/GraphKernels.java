package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTraits;
import io.lorikeet.bindings.Kernels;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Tensor;

/// The kernels that compute a graph's operations: here it is settled whether ggml or another
/// library computes.
public final class GraphKernels {
  private static final long CHUNK_ELEMENTS = 16L << 20;

  private final Kernels kernels;
  private final ExpertProducts experts;
  private final BackwardOps backwardOps;
  private final boolean exact;

  /// @param rowNumbers I32 `[n]` placeholder of 0, 1, 2, …; n is at least the number of rows of any
  ///     frozen matrix
  /// @param keepsCopies whether dequantized copies are made once for all products with a matrix
  public GraphKernels(
      Ops ops, Backend backend, Precision precision, Tensor rowNumbers, boolean keepsCopies) {
    this(
        ops,
        backend,
        precision,
        rowNumbers,
        new BackwardOps(ops, backend),
        backend.traits(),
        CHUNK_ELEMENTS,
        keepsCopies);
  }

  /// See [GgmlKernels].
  GraphKernels(
      Ops ops,
      Backend backend,
      Precision precision,
      Tensor rowNumbers,
      BackwardOps backwardOps,
      DeviceTraits traits,
      long chunkElements,
      boolean keepsCopies) {
    this.backwardOps = backwardOps;
    exact = precision == Precision.F32;
    GgmlKernels ggml =
        new GgmlKernels(ops, backwardOps, traits, exact, rowNumbers, chunkElements, keepsCopies);
    kernels =
        backend
            .kernelLibrary()
            .filter(_ -> precision == Precision.AUTO)
            .map(library -> library.kernels(ops, ggml, keepsCopies))
            .orElse(ggml);
    experts = new ExpertProducts(ops, ggml, kernels, exact, rowNumbers);
  }

  /// Whether all kernels are ggml's.
  public static boolean areOfGgml(Backend backend, Precision precision) {
    return precision != Precision.AUTO || backend.kernelLibrary().isEmpty();
  }

  public Kernels kernels() {
    return kernels;
  }

  /// The products with the matrices of experts.
  ExpertProducts experts() {
    return experts;
  }

  /// The gradients that the backend may have operations for.
  BackwardOps backwardOps() {
    return backwardOps;
  }

  /// Whether everything is computed as exactly as the device can.
  boolean isExact() {
    return exact;
  }
}
