package io.lorikeet.bindings.llama;

import java.lang.foreign.MemorySegment;

/// Sees what contexts opened with it compute.
public sealed interface GraphObserver extends AutoCloseable permits ActivationSums, WeightInputs {
  /// Called for each node of a graph, see `ggml_backend_sched_eval_callback`.
  MemorySegment callback();

  /// Frees the callback; the contexts that use it are closed before.
  @Override
  void close();
}
