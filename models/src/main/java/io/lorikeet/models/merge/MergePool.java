package io.lorikeet.models.merge;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/// Threads that compute the rows of merged matrices.
public final class MergePool implements AutoCloseable {
  /// Rows that a thread takes at a time.
  private static final int TASK_ROWS = 128;

  private final int threads;
  private final ExecutorService executor;

  public MergePool(int threads) {
    this.threads = threads;
    executor =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("merge-", 0).factory());
  }

  /// Rows with which all threads have work.
  public int leastRows() {
    return threads * TASK_ROWS;
  }

  /// Computes consecutive rows, as [MergedMatrix#merge], on all threads.
  public void merge(
      MergedMatrix matrix,
      int firstRow,
      MemorySegment base,
      MemorySegment out,
      @Nullable Survival survival) {
    long rowBytes = matrix.rowBytes();
    int rows = Math.toIntExact(out.byteSize() / rowBytes);
    long baseRow = base.byteSize() / rows;
    run(
        rows,
        (from, count, own) ->
            matrix.merge(
                firstRow + from,
                base.asSlice(from * baseRow, count * baseRow),
                out.asSlice(from * rowBytes, count * rowBytes),
                survival == null ? null : own),
        survival);
  }

  /// Counts what merged rows have left of the update, as [MergedMatrix#measure], on all threads.
  public void measure(
      MergedMatrix matrix, MemorySegment base, MemorySegment merged, Survival survival) {
    long rowBytes = matrix.rowBytes();
    long baseRow = base.byteSize() / matrix.rows();
    run(
        matrix.rows(),
        (from, count, own) ->
            matrix.measure(
                from,
                base.asSlice(from * baseRow, count * baseRow),
                merged.asSlice(from * rowBytes, count * rowBytes),
                own),
        survival);
  }

  @FunctionalInterface
  private interface RowWork {
    void compute(int from, int count, Survival own);
  }

  /// The threads' sums are added in the order of the rows, so that results don't depend on their
  /// order in time. When one fails, the others have ended before this throws: they use the memory
  /// that the caller may free then.
  private void run(int rows, RowWork work, @Nullable Survival survival) {
    List<Future<Survival>> tasks = new ArrayList<>();
    for (int start = 0; start < rows; start += TASK_ROWS) {
      int from = start;
      int count = Math.min(TASK_ROWS, rows - start);
      tasks.add(
          executor.submit(
              () -> {
                Survival own = new Survival();
                work.compute(from, count, own);
                return own;
              }));
    }
    Throwable failure = null;
    for (Future<Survival> task : tasks) {
      try {
        Survival own = result(task);
        if (survival != null) {
          survival.add(own);
        }
      } catch (ExecutionException e) {
        failure = e.getCause();
      }
    }
    switch (failure) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }

  private static Survival result(Future<Survival> task) throws ExecutionException {
    try {
      return task.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (CancellationException) new CancellationException("interrupted").initCause(e);
    }
  }

  @Override
  public void close() {
    executor.close();
  }
}
