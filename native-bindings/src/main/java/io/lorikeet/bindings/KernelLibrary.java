package io.lorikeet.bindings;

import java.util.Optional;

/// A library that computes operations of a backend's graphs in ggml's place: ggml calls back for
/// them. Belongs to a [Backend], which opens and closes it.
public interface KernelLibrary extends AutoCloseable {
  /// Finds out, when a backend is opened, whether there is such a library for it. A service of this
  /// module ([java.util.ServiceLoader]).
  interface Provider {
    /// For a CPU backend of `threads` threads, or empty where ggml is the fastest there is.
    ///
    /// @param wanted the format to multiply in where that is possible; empty for the fastest
    Optional<KernelLibrary> open(int threads, Optional<ProductFormat> wanted);
  }

  /// The kernels of a graph.
  ///
  /// @param ops the graph
  /// @param otherwise computes what this library has no operation for
  /// @param keepsCopies whether dequantized copies are made once for all products with a matrix
  Kernels kernels(Ops ops, Kernels otherwise, boolean keepsCopies);

  /// How large matrices are multiplied.
  ProductFormat format();

  /// The library's name, with its version.
  String library();

  /// @throws GgmlException when an operation failed since the last call
  void rethrow();

  /// Ends it, when no graph with its operations runs any more.
  @Override
  void close();
}
