/// Reverse-mode differentiation over ggml operations, one layer at a time.
///
/// A [Tape] notes each [DifferentiableOp] of a forward pass as it builds it; [GradientRules] turns
/// the tape, read backwards, into the operations that compute the gradients, in the same graph.
/// Frozen weights get no gradient, and what no gradient needs is never computed, since a graph
/// holds only what leads to its results.
@NullMarked
package io.lorikeet.models.autodiff;

import org.jspecify.annotations.NullMarked;
