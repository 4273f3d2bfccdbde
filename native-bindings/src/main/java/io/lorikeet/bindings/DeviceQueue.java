package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The work that a device was given and does in that order, while the host goes on. The host waits
/// where it reads, and where it writes memory that the device may still read. The CPU computes at
/// once.
///
/// ggml's CUDA backend takes copies into its queue, too (`ggml_backend_cuda_set_tensor_async` in
/// `ggml-cuda.cu`); data for the device wait in pinned memory. Other backends' copies overtake
/// queued work, so the host waits before them.
final class DeviceQueue implements AutoCloseable {
  /// Bytes of pinned memory for data on their way to the device.
  static final long STAGING_BYTES = 4L << 20;

  /// Where tensors begin in it, in bytes.
  private static final long ALIGNMENT = 64;

  private final Backend backend;
  private final boolean queuesGraphs;
  private final boolean queuesCopies;
  private MemorySegment stagingBuffer = MemorySegment.NULL;
  private MemorySegment staging = MemorySegment.NULL;
  private long staged;
  private boolean busy;

  /// Two events of ggml's that are recorded in turns.
  private final MemorySegment[] marks = new MemorySegment[2];

  private int nextMark;

  /// @param backend computes, rather than plans, if anything is asked for
  DeviceQueue(Backend backend) {
    this.backend = backend;
    queuesGraphs = backend.traits().queuesGraphs();
    queuesCopies = backend.traits().queuesCopies();
    Arrays.fill(marks, MemorySegment.NULL);
  }

  /// @return ggml's status, where it is known by now
  int compute(MemorySegment graph) {
    if (!queuesGraphs) {
      return Ggml.ggml_backend_graph_compute(backend.handle(), graph);
    }
    busy = true;
    return Ggml.ggml_backend_graph_compute_async(backend.handle(), graph);
  }

  /// Copies `source`, which may be gone afterwards, into a tensor.
  void upload(MemorySegment tensor, MemorySegment source, long offset) {
    long bytes = source.byteSize();
    if (!queuesCopies || bytes > STAGING_BYTES || isOnHost(tensor)) {
      finish();
      Ggml.ggml_backend_tensor_set(tensor, source, offset, bytes);
      return;
    }
    MemorySegment copy = staged(bytes).copyFrom(source);
    Ggml.ggml_backend_tensor_set_async(backend.handle(), tensor, copy, offset, bytes);
    busy = true;
  }

  private MemorySegment staged(long bytes) {
    if (stagingBuffer.address() == 0) {
      stagingBuffer = Ggml.ggml_backend_buft_alloc_buffer(backend.hostBufferType(), STAGING_BYTES);
      if (stagingBuffer.address() == 0) {
        throw new GgmlException("the host has no memory for copies to " + backend.device().name());
      }
      staging = Ggml.ggml_backend_buffer_get_base(stagingBuffer).reinterpret(STAGING_BYTES);
    }
    if (staged + bytes > STAGING_BYTES) {
      finish();
    }
    MemorySegment place = staging.asSlice(staged, bytes);
    staged += Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    return place;
  }

  void download(MemorySegment tensor, MemorySegment target, long offset) {
    finish();
    Ggml.ggml_backend_tensor_get(tensor, target, offset, target.byteSize());
  }

  /// Copies a tensor to one of the same layout, whichever memory each is in.
  void copy(MemorySegment from, MemorySegment to) {
    boolean fromHost = isOnHost(from);
    boolean toHost = isOnHost(to);
    if (!queuesCopies || (fromHost && toHost)) {
      finish();
      Ggml.ggml_backend_tensor_copy(from, to);
      return;
    }
    long bytes = Ggml.ggml_nbytes(from);
    MemorySegment queue = backend.handle();
    if (fromHost) {
      Ggml.ggml_backend_tensor_set_async(queue, to, ggml_tensor.data(from), 0, bytes);
    } else if (toHost) {
      Ggml.ggml_backend_tensor_get_async(queue, from, ggml_tensor.data(to), 0, bytes);
    } else {
      Ggml.ggml_backend_tensor_copy_async(queue, queue, from, to);
    }
    busy = true;
  }

  private static boolean isOnHost(MemorySegment tensor) {
    return Ggml.ggml_backend_buffer_is_host(ggml_tensor.buffer(tensor));
  }

  /// Waits until the device has done everything up to the call before this one, so that the host
  /// isn't ever further ahead than from one call to the next but one.
  void pace() {
    if (!queuesCopies) {
      finish();
      return;
    }
    if (marks[nextMark].address() == 0) {
      marks[nextMark] = Ggml.ggml_backend_event_new(backend.deviceHandle());
    }
    if (marks[nextMark].address() == 0) { // a build without such
      finish();
      return;
    }
    Ggml.ggml_backend_event_record(marks[nextMark], backend.handle());
    nextMark = 1 - nextMark;
    if (marks[nextMark].address() != 0) {
      Ggml.ggml_backend_event_synchronize(marks[nextMark]);
    }
  }

  /// Waits until the device has done everything.
  void finish() {
    if (busy) {
      Ggml.ggml_backend_synchronize(backend.handle());
      busy = false;
      staged = 0;
    }
  }

  @Override
  public void close() {
    finish();
    for (MemorySegment mark : marks) {
      if (mark.address() != 0) {
        Ggml.ggml_backend_event_free(mark);
      }
    }
    if (stagingBuffer.address() != 0) {
      Ggml.ggml_backend_buffer_free(stagingBuffer);
    }
  }
}
