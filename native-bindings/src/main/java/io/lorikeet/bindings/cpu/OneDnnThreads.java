package io.lorikeet.bindings.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Each thread's objects of oneDNN: a stream, and primitives compiled for it.
final class OneDnnThreads implements AutoCloseable {

  /// The computation of a primitive, and its shapes.
  interface Form {

    /// @param engine a CPU engine of oneDNN
    /// @param stream a stream of it that only one thread uses
    /// @throws GgmlException when oneDNN can't compute it
    OneDnnPrimitive compile(MemorySegment engine, MemorySegment stream);
  }

  /// The objects of one of the threads.
  private static final class Own {
    private final MemorySegment stream;
    private final Map<Form, OneDnnPrimitive> primitives = new HashMap<>();
    private MemorySegment scratch = MemorySegment.NULL;

    Own(MemorySegment stream) {
      this.stream = stream;
    }
  }

  private static final int ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();

  private final OneDnnChoice choice;
  private final MemorySegment engine;
  private final List<Own> threads = new ArrayList<>();

  /// @param count threads
  OneDnnThreads(OneDnnChoice choice, int count) {
    this.choice = choice;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ADDRESS);
      OneDnnPrimitive.check(OneDnn.dnnl_engine_create(out, OneDnn.dnnl_cpu(), 0), "start");
      engine = out.get(ADDRESS, 0);
      for (int i = 0; i < count; i++) {
        OneDnnPrimitive.check(
            OneDnn.dnnl_stream_create(out, engine, OneDnn.dnnl_stream_in_order()), "start");
        threads.add(new Own(out.get(ADDRESS, 0)));
      }
    }
  }

  int count() {
    return threads.size();
  }

  /// The primitive of a form on the calling thread, compiled on first use.
  ///
  /// @param index of the calling thread among these
  OneDnnPrimitive primitive(int index, Form form) {
    choice.useOneThread();
    Own own = threads.get(index);
    return own.primitives.computeIfAbsent(form, f -> f.compile(engine, own.stream));
  }

  /// Memory for an operation's own use on the calling thread, until the next one asks.
  ///
  /// @param index as in [#primitive]
  MemorySegment scratch(int index, long bytes) {
    Own own = threads.get(index);
    if (own.scratch.byteSize() < bytes) {
      own.scratch = arena.allocate(bytes, ALIGNMENT);
    }
    return own.scratch.asSlice(0, bytes);
  }

  @Override
  public void close() {
    for (Own own : threads) {
      own.primitives.values().forEach(OneDnnPrimitive::close);
      OneDnn.dnnl_stream_destroy(own.stream);
    }
    OneDnn.dnnl_engine_destroy(engine);
    arena.close();
  }
}
