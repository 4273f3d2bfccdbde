package io.lorikeet.train.checkpoint;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.ChecksummedGguf;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.GgufWriter;
import io.lorikeet.quant.TensorSource;
import io.lorikeet.train.event.FlightEvents;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes checkpoints beside the training, which waits only while the state is copied in memory.
/// One is written at a time. All methods are for the training's thread.
public final class CheckpointWriter implements AutoCloseable {
  private final CheckpointFolder folder;
  private final int keep;
  private final StateLayout layout;
  private @Nullable Thread thread;
  private volatile @Nullable Exception failure;

  /// The keys that take time to find, and what has to be on disk before the checkpoint.
  @FunctionalInterface
  public interface Preparation {
    /// Runs beside the training, before the file is written.
    ///
    /// @return further keys and their values
    Map<String, GgufValue> run() throws IOException;
  }

  /// @param keep newest checkpoints that are kept
  public CheckpointWriter(CheckpointFolder folder, int keep, StateLayout layout) {
    this.folder = folder;
    this.keep = keep;
    this.layout = layout;
  }

  /// Whether a checkpoint is being written.
  public boolean isBusy() {
    return thread != null && thread.isAlive();
  }

  /// Copies the state and begins to write it; waits for the checkpoint before it.
  ///
  /// @param step steps done
  /// @param best step of the best adapter, whose checkpoint is kept; 0 for none
  /// @param values keys of the state
  /// @throws IOException when the checkpoint before this couldn't be written, or there is no room
  ///     for this one, on the disk or in memory
  public void begin(int step, int best, Map<String, GgufValue> values, Preparation preparation)
      throws IOException {
    await();
    Arena arena = Arena.ofShared();
    try {
      MemorySegment snapshot = arena.allocate(layout.bytes(), Long.BYTES);
      for (int i = 0; i < layout.vectors().size(); i++) {
        layout.vectors().get(i).copyTo(vector(snapshot, i));
      }
      Runnable task = () -> write(arena, snapshot, step, best, values, preparation);
      thread = Thread.ofPlatform().name("checkpoint").start(task);
    } catch (OutOfMemoryError e) {
      arena.close();
      throw new IOException(
          String.format(
              Locale.ROOT,
              "there are no %,d bytes of memory for a copy of the state",
              layout.bytes()),
          e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private MemorySegment vector(MemorySegment snapshot, int index) {
    return snapshot.asSlice(index * layout.vectorBytes(), layout.vectorBytes());
  }

  private void write(
      Arena arena,
      MemorySegment snapshot,
      int step,
      int best,
      Map<String, GgufValue> values,
      Preparation preparation) {
    FlightEvents.CheckpointEvent flight = new FlightEvents.CheckpointEvent();
    flight.begin();
    try (arena) {
      requireFinite(snapshot, step);
      GgufWriter writer = new GgufWriter();
      writer.putString(Checkpoint.TYPE, Checkpoint.KIND);
      writer.putString(Checkpoint.ARCHITECTURE, layout.architecture());
      writer.putUint32(Checkpoint.VERSION, Checkpoint.CURRENT_VERSION);
      values.forEach(writer::put);
      preparation.run().forEach(writer::put);
      for (StateLayout.Matrix matrix : layout.matrices()) {
        MemorySegment data =
            vector(snapshot, matrix.vector())
                .asSlice(matrix.offset() * Float.BYTES, matrix.bytes());
        writer.addTensor(matrix.name(), TensorType.F32, matrix.shape(), TensorSource.of(data));
      }
      Path file = folder.file(step);
      folder.requireSpace(writer.size(), "a checkpoint");
      ChecksummedGguf.write(writer, file);
      folder.prune(keep, best);
      flight.written(step, writer.size());
    } catch (IOException | RuntimeException e) {
      failure = e;
    } catch (Error e) { // out of memory, or a disk that fails under a mapping
      failure = new IOException("step %s's state couldn't be written: %s".formatted(step, e), e);
    }
  }

  /// A state that training can't go on from must not replace one that it can.
  private static void requireFinite(MemorySegment snapshot, int step) throws IOException {
    long count = snapshot.byteSize() / Float.BYTES;
    for (long i = 0; i < count; i++) {
      if (!Float.isFinite(snapshot.getAtIndex(ValueLayout.JAVA_FLOAT, i))) {
        throw new IOException(
            "the state after step %s holds numbers that aren't finite; it was not saved"
                .formatted(step));
      }
    }
  }

  /// Waits until what was begun is on disk.
  ///
  /// @throws IOException when it couldn't be written; the checkpoints before it are whole
  public void await() throws IOException {
    join();
    Exception problem = failure;
    failure = null;
    switch (problem) {
      case null -> {}
      case IOException e -> throw e;
      case RuntimeException e -> throw e;
      default -> throw new IllegalStateException(problem);
    }
  }

  private void join() {
    boolean interrupted = false;
    while (thread != null) {
      try {
        thread.join();
        thread = null;
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /// Waits for what is being written.
  @Override
  public void close() {
    join();
  }
}
