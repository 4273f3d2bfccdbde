package io.lorikeet.export.merge;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.merge.MergedMatrix;
import io.lorikeet.models.merge.Survival;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/// Computes and copies the tensors of a merged file while it is written: each tensor in pieces of
/// rows, the rows of a piece on several threads.
final class MergeWorkers implements AutoCloseable {
  /// Rows that a thread takes at a time.
  private static final int TASK_ROWS = 64;

  /// Merged bytes that are in memory at a time, as far as each thread has its rows.
  private static final long PIECE_BYTES = 16L << 20;

  private static final long COPY_BYTES = 4L << 20;

  private final int threads;
  private final ExecutorService executor;
  private final AdapterMerger.Progress progress;
  private final long total;
  private long done;

  MergeWorkers(int threads, AdapterMerger.Progress progress, long total) {
    this.threads = threads;
    this.progress = progress;
    this.total = total;
    executor =
        Executors.newFixedThreadPool(
            threads, Thread.ofPlatform().daemon().name("merge-", 0).factory());
  }

  /// A tensor's bytes as they are.
  TensorSource copy(MemorySegment data) {
    return channel -> {
      for (long from = 0; from < data.byteSize(); from += COPY_BYTES) {
        write(channel, data.asSlice(from, Math.min(COPY_BYTES, data.byteSize() - from)));
      }
      data.unload();
    };
  }

  /// A tensor's merged bytes.
  ///
  /// @param matrix made when it is needed and forgotten after
  /// @param report where the outcome goes; null for none
  TensorSource merge(
      GgufTensor tensor,
      TensorType type,
      MemorySegment data,
      Supplier<MergedMatrix> matrix,
      List<MergeReport.Merged> report) {
    return channel -> {
      MergedMatrix computing = matrix.get();
      Survival survival = new Survival();
      write(channel, computing, tensor, data, report == null ? null : survival);
      if (report != null) {
        requireFinite(tensor, type, survival);
        report.add(new MergeReport.Merged(tensor.name(), tensor.type(), type, survival));
      }
      data.unload(); // else a base larger than the memory would drive out everything else
    };
  }

  private void write(
      WritableByteChannel channel,
      MergedMatrix matrix,
      GgufTensor tensor,
      MemorySegment data,
      Survival survival)
      throws IOException {
    int rows = matrix.rows();
    long baseRow = data.byteSize() / rows;
    long least = (long) threads * TASK_ROWS;
    int piece = (int) Math.min(rows, Math.max(least, PIECE_BYTES / matrix.rowBytes()));
    try (Arena arena = Arena.ofShared()) {
      MemorySegment merged = arena.allocate(piece * matrix.rowBytes(), 64);
      for (int first = 0; first < rows; first += piece) {
        int count = Math.min(piece, rows - first);
        MemorySegment out = merged.asSlice(0, count * matrix.rowBytes());
        compute(matrix, first, data.asSlice(first * baseRow, count * baseRow), out, survival);
        write(channel, out);
      }
    }
  }

  /// Computes rows on all threads. What a thread counted is added in the order of the rows, so that
  /// sums don't depend on who was first.
  private void compute(
      MergedMatrix matrix, int first, MemorySegment base, MemorySegment out, Survival survival)
      throws IOException {
    long rowBytes = matrix.rowBytes();
    int rows = (int) (out.byteSize() / rowBytes);
    long baseRow = base.byteSize() / rows;
    List<Future<Survival>> tasks = new ArrayList<>();
    for (int start = 0; start < rows; start += TASK_ROWS) {
      int from = start;
      int count = Math.min(TASK_ROWS, rows - start);
      tasks.add(
          executor.submit(
              () -> {
                Survival own = survival == null ? null : new Survival();
                matrix.merge(
                    first + from,
                    base.asSlice(from * baseRow, count * baseRow),
                    out.asSlice(from * rowBytes, count * rowBytes),
                    own);
                return own;
              }));
    }
    for (Future<Survival> task : tasks) {
      Survival own = result(task);
      if (survival != null) {
        survival.add(own);
      }
    }
  }

  private static Survival result(Future<Survival> task) throws IOException {
    try {
      return task.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("merging was interrupted").initCause(e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case Throwable cause -> throw new IOException(cause);
      }
    }
  }

  private void write(WritableByteChannel channel, MemorySegment bytes) throws IOException {
    TensorSource.of(bytes).writeTo(channel);
    done += bytes.byteSize();
    progress.at(done, total);
  }

  private static void requireFinite(GgufTensor tensor, TensorType type, Survival survival) {
    if (!Double.isFinite(survival.squaredError())) {
      throw new InvalidInputException(
          tensor.name()
              + " merged holds numbers that aren't finite in "
              + type
              + ": the base has such, or the adapter's scale is too large. Give a smaller scale, or"
              + " --type F32");
    }
  }

  /// Stops the threads; what they still do is of no use when this is reached early, but they read
  /// the base, so they are waited for.
  @Override
  public void close() {
    executor.close();
  }
}
