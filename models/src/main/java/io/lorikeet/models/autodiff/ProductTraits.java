package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Backend;

/// How a backend multiplies by ggml's own operations.
///
/// @param keepsF32 see [Backend#keepsF32Products]
/// @param keepsStridedF32 see [Backend#keepsStridedF32Products]
/// @param outer its products of two matrices' columns
/// @param transposesWithinType see [Backend#transposesWithinType]
record ProductTraits(
    boolean keepsF32, boolean keepsStridedF32, Outer outer, boolean transposesWithinType) {

  /// The operation OUT_PROD.
  enum Outer {
    MISSING,
    /// Fast where the result's rows are long.
    FOR_LONG_ROWS,
    FAST
  }

  static ProductTraits of(Backend backend) {
    Outer outer =
        backend.isCpu()
            ? Outer.FOR_LONG_ROWS
            : backend.hasFastOuterProducts() ? Outer.FAST : Outer.MISSING;
    return new ProductTraits(
        backend.keepsF32Products(),
        backend.keepsStridedF32Products(),
        outer,
        backend.transposesWithinType());
  }
}
