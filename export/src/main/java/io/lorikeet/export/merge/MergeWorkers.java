package io.lorikeet.export.merge;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.merge.MergePool;
import io.lorikeet.models.merge.MergedMatrix;
import io.lorikeet.models.merge.Survival;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Computes and copies the tensors of a merged file while it is written: each tensor in pieces of
/// rows, the rows of a piece on several threads.
final class MergeWorkers implements AutoCloseable {
  /// Merged bytes that are in memory at a time, as far as each thread has its rows.
  private static final long PIECE_BYTES = 16L << 20;

  private static final long COPY_BYTES = 4L << 20;

  private final MergePool pool;
  private final ByteProgress progress;
  private final long total;
  private long done;
  private Arena arena = Arena.ofShared();
  private MemorySegment piece = MemorySegment.NULL;

  MergeWorkers(int threads, ByteProgress progress, long total) {
    pool = new MergePool(threads);
    this.progress = progress;
    this.total = total;
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
      @Nullable List<MergeReport.Merged> report) {
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
      @Nullable Survival survival)
      throws IOException {
    int rows = matrix.rows();
    long baseRow = data.byteSize() / rows;
    long enough = Math.max(pool.leastRows(), PIECE_BYTES / matrix.rowBytes());
    int pieceRows = (int) Math.min(rows, enough);
    MemorySegment merged = piece(pieceRows * matrix.rowBytes());
    for (int first = 0; first < rows; first += pieceRows) {
      int count = Math.min(pieceRows, rows - first);
      MemorySegment out = merged.asSlice(0, count * matrix.rowBytes());
      pool.merge(matrix, first, data.asSlice(first * baseRow, count * baseRow), out, survival);
      write(channel, out);
    }
  }

  /// Memory for at least so many bytes, the same for all tensors until one needs more.
  private MemorySegment piece(long bytes) {
    if (piece.byteSize() < bytes) {
      arena.close();
      arena = Arena.ofShared();
      piece = arena.allocate(bytes, 64);
    }
    return piece;
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

  @Override
  public void close() {
    pool.close();
    arena.close();
  }
}
