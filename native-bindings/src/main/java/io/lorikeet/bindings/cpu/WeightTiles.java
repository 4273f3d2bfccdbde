package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.cpu.ProductTasks.TaskRange;
import io.lorikeet.bindings.cpu.ProductTasks.Worker;
import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import io.lorikeet.ggml.ggml_to_float_t;
import io.lorikeet.ggml.ggml_type_traits;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Dequantized copies of parts of weights, in the type that is multiplied: each thread has one at a
/// time, which stays in its cache.
final class WeightTiles implements AutoCloseable {
  /// Elements that are unpacked at a time on their way: they stay in the innermost cache.
  private static final long STRIP = 8192;

  private static final int ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();
  private final TensorType to;
  private final OneDnnThreads threads;
  private final List<Memory> memories = new ArrayList<>();

  /// Scratch memory of one of the threads: F32 numbers of a strip, or its codes and their scales.
  private static final class Memory {
    private final long strip;
    private final long scales;
    private MemorySegment tile = MemorySegment.NULL;

    Memory(Arena arena) {
      strip = arena.allocate(STRIP * Float.BYTES, ALIGNMENT).address();
      scales = arena.allocate(JAVA_FLOAT, STRIP).address();
    }
  }

  /// Puts numbers that a weight's blocks stand for into a thread's tile, by way of its strip.
  private interface TileUnpacking {

    /// @param from address of blocks
    /// @param held elements that the strip holds already
    /// @param count elements of the blocks
    /// @param target address in the tile for all that the strip holds
    void toStrip(long from, long held, long count, long target);

    void toTile(long held, long target);
  }

  /// @param to BF16 or F32
  WeightTiles(TensorType to, OneDnnThreads threads) {
    this.to = to;
    this.threads = threads;
    for (int i = 0; i < threads.count(); i++) {
      memories.add(new Memory(arena));
    }
  }

  /// Fills a thread's tile.
  ///
  /// @param w a contiguous weight
  /// @param columns of these rows; whole blocks
  /// @param thread which thread's
  /// @return the address of the copy, `[columns, rows]` without gaps
  long fill(MemorySegment w, TaskRange rows, TaskRange columns, int thread) {
    Memory memory = memories.get(thread);
    long bytes = rows.count() * columns.count() * to.blockBytes();
    if (memory.tile.byteSize() < bytes) {
      memory.tile = arena.allocate(bytes, ALIGNMENT);
    }
    fill(w, rows, columns, thread, memory.tile.address());
    return memory.tile.address();
  }

  /// Copies a thread's part of a whole weight.
  ///
  /// @param w a contiguous weight
  /// @param y contiguous, of the same shape, in the type that is multiplied
  void copy(MemorySegment w, MemorySegment y, Worker worker) {
    TaskRange rows = TaskRange.part(RowTasks.rows(w), worker.index(), worker.count(), 1);
    if (rows.count() > 0) {
      long target = ggml_tensor.data(y).address() + rows.first() * ggml_tensor.nb(y, 1);
      fill(w, rows, new TaskRange(0, ggml_tensor.ne(w, 0)), worker.index(), target);
    }
  }

  /// @param target address of the copy
  private void fill(MemorySegment w, TaskRange rows, TaskRange columns, int thread, long target) {
    TensorType type = ProductTasks.type(w);
    long from =
        ggml_tensor.data(w).address()
            + rows.first() * ggml_tensor.nb(w, 1)
            + columns.first() / type.blockSize() * type.blockBytes();
    TileUnpacking unpacking = unpacking(type, memories.get(thread), thread);
    if (columns.count() == ggml_tensor.ne(w, 0)) {
      // Whole rows follow one another.
      fill(unpacking, type, from, 0, 1, rows.count() * columns.count(), target);
    } else {
      long stride = ggml_tensor.nb(w, 1);
      fill(unpacking, type, from, stride, rows.count(), columns.count(), target);
    }
  }

  /// @param from address of the first run of blocks
  /// @param stride bytes from one run to the next
  /// @param length elements of a run
  /// @param target address for the numbers of all runs, one after another
  private void fill(
      TileUnpacking unpacking,
      TensorType type,
      long from,
      long stride,
      long runs,
      long length,
      long target) {
    long next = target;
    long held = 0;
    for (long run = 0; run < runs; run++) {
      for (long i = 0; i < length; ) {
        long count = Math.min(STRIP - held, length - i) / type.blockSize() * type.blockSize();
        unpacking.toStrip(
            from + run * stride + i / type.blockSize() * type.blockBytes(), held, count, next);
        i += count;
        held += count;
        boolean last = run == runs - 1 && i == length;
        if (last || STRIP - held < type.blockSize()) {
          unpacking.toTile(held, next);
          next += held * to.blockBytes();
          held = 0;
        }
      }
    }
  }

  private TileUnpacking unpacking(TensorType type, Memory memory, int thread) {
    Optional<CodedBlocks> coded = CodedBlocks.of(type);
    return coded.isPresent()
        ? new Codes(coded.get(), memory, thread)
        : new Floats(toFloat(type), memory, thread);
  }

  private static MemorySegment toFloat(TensorType type) {
    return ggml_type_traits.to_float(
        Ggml.ggml_get_type_traits(type.id()).reinterpret(ggml_type_traits.sizeof()));
  }

  /// By codes and scales.
  private final class Codes implements TileUnpacking {
    private final CodedBlocks blocks;
    private final Memory memory;
    private final int thread;

    Codes(CodedBlocks blocks, Memory memory, int thread) {
      this.blocks = blocks;
      this.memory = memory;
      this.thread = thread;
    }

    @Override
    public void toStrip(long from, long held, long count, long target) {
      long scales = memory.scales + held / blocks.group() * Float.BYTES;
      blocks.unpack(from, count, memory.strip + held, scales);
    }

    @Override
    public void toTile(long held, long target) {
      threads
          .primitive(thread, new OneDnnScaling(to, held / blocks.group(), blocks.group()))
          .run(memory.strip, target, memory.scales);
    }
  }

  /// By ggml's `to_float`.
  private final class Floats implements TileUnpacking {
    private final MemorySegment toFloat;
    private final Memory memory;
    private final int thread;

    Floats(MemorySegment toFloat, Memory memory, int thread) {
      this.toFloat = toFloat;
      this.memory = memory;
      this.thread = thread;
    }

    @Override
    public void toStrip(long from, long held, long count, long target) {
      long floats = (isDirect() ? target : memory.strip) + held * Float.BYTES;
      ggml_to_float_t.invoke(
          toFloat, MemorySegment.ofAddress(from), MemorySegment.ofAddress(floats), count);
    }

    @Override
    public void toTile(long held, long target) {
      if (!isDirect()) {
        threads.primitive(thread, new OneDnnConversion(held)).run(memory.strip, target);
      }
    }

    private boolean isDirect() {
      return to == TensorType.F32;
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
