/// The CPU's own kernels: oneDNN's computations in the place of ggml's operations, behind
/// [io.lorikeet.bindings.Kernels].
///
/// [OneDnnProvider] finds the library when a backend is opened, and measures in which numbers the
/// processor multiplies fastest ([OneDnnChoice]). [OneDnnKernels] takes a graph's operations from
/// [FastProducts], the matrix products, and [FusedOps], which go row by row. For each of them ggml
/// calls back on its threads ([OneDnnCallbacks]). A thread's part of the work is computed by the
/// class of that operation, such as [ProductTasks] and [SoftMaxTasks], with compiled oneDNN
/// primitives ([OneDnnThreads], [OneDnnPrimitive]). Quantized weights are unpacked tile by tile
/// ([WeightTiles], [CodedBlocks]).
@NullMarked
package io.lorikeet.bindings.cpu;

import org.jspecify.annotations.NullMarked;
