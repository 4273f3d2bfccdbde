package io.lorikeet.spark;

import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.parallel.GradientJob;
import io.lorikeet.train.parallel.GradientWorker;
import io.lorikeet.train.parallel.GradientWorker.MicroBatchResult;
import io.lorikeet.train.parallel.MicroBatchWork;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A worker with the thread that owns it: Spark's tasks run on any.
final class WorkerThread implements AutoCloseable {
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          work -> {
            Thread made = new Thread(work, "micro-batches");
            made.setDaemon(true);
            return made;
          });
  private final Consumer<WorkerThread> home;
  private @Nullable GradientWorker worker;
  private List<String> differences = List.of();

  /// @param home gets the thread back after each micro-batch
  WorkerThread(Consumer<WorkerThread> home) {
    this.home = home;
  }

  /// Builds the graphs.
  void build(GgufFile base, GradientJob job) throws Exception {
    get(
        thread.submit(
            () -> {
              worker = new GradientWorker(base, job);
              differences = worker.differences();
              return worker;
            }));
  }

  /// See [GradientWorker#differences].
  List<String> differences() {
    return differences;
  }

  /// Computes a micro-batch, and goes home. Where the task is ended meanwhile, the micro-batch is
  /// computed to its end all the same.
  MicroBatchResult compute(long version, MemorySegment parameters, MicroBatchWork work)
      throws Exception {
    Callable<MicroBatchResult> computing =
        () -> {
          try {
            GradientWorker built = Objects.requireNonNull(worker);
            built.use(version, parameters);
            return built.compute(work);
          } finally {
            home.accept(this);
          }
        };
    return get(thread.submit(computing));
  }

  private static <T> T get(Future<T> future) throws Exception {
    try {
      return future.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case Exception cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw e;
      }
    }
  }

  @Override
  public void close() {
    thread.submit(
        () -> {
          if (worker != null) {
            worker.close();
          }
        });
    thread.close();
  }
}
