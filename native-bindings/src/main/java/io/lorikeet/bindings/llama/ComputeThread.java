package io.lorikeet.bindings.llama;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/// The thread that llama.cpp computes a context's tokens on, and nothing else.
///
/// ggml's products for AMX (`ggml/src/ggml-cpu/amx/mmq.cpp`) set up a thread's tiles the first time
/// they run on it, and trust that they stay so. oneDNN sets them up otherwise for each of its
/// products, so on a thread where both compute, ggml's give wrong numbers or an illegal
/// instruction. ggml starts its further threads anew for each computation.
final class ComputeThread implements AutoCloseable {
  private final ExecutorService executor =
      Executors.newSingleThreadExecutor(
          task -> Thread.ofPlatform().name("llama.cpp").daemon().unstarted(task));

  /// Runs a task there, waits for it, and returns its result or throws what it threw.
  <T> T call(Supplier<T> task) {
    Future<T> future = executor.submit(task::get);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          interrupted = true; // the task uses memory of the caller's, so it has to end first
        }
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException thrown
          ? thrown
          : new IllegalStateException(e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void close() {
    executor.close();
  }
}
