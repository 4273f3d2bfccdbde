package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// A ggml tensor: a handle on native metadata that belongs to [DeviceTensors] or [Ops], and that is
/// valid as long as its owner is open. Two handles are equal when they are the same native tensor.
public final class Tensor {
  /// The most that is copied at a time between the host and a device, whose library may hold a
  /// second copy of it meanwhile.
  static final long TRANSFER_BYTES = 32L << 20;

  /// The most that is copied at a time between Java's heap and a tensor.
  private static final long HEAP_BYTES = 1L << 20;

  private static final int NAME_BYTES = 63;

  /// Where the data of planned tensors would be: ggml only asks whether it is anywhere.
  private static final MemorySegment PLANNED = MemorySegment.ofAddress(1L << 32);

  private final MemorySegment handle;

  /// Of the device whose graphs read and write the tensor; null where the CPU computes with a
  /// mapping.
  private @Nullable DeviceQueue queue;

  private final TensorType type;
  private final Shape shape;

  Tensor(MemorySegment address) {
    this(address, null);
  }

  /// @param queue of the device whose graphs read and write the tensor
  Tensor(MemorySegment address, @Nullable DeviceQueue queue) {
    this.queue = queue;
    handle = address.reinterpret(ggml_tensor.sizeof());
    int id = ggml_tensor.type(handle);
    type = TensorType.byId(id).orElseThrow(() -> new GgmlException("unknown tensor type " + id));
    shape =
        new Shape(
            ggml_tensor.ne(handle, 0),
            ggml_tensor.ne(handle, 1),
            ggml_tensor.ne(handle, 2),
            ggml_tensor.ne(handle, 3));
  }

  MemorySegment handle() {
    return handle;
  }

  /// Says whose graph the tensor is a result or a placeholder of.
  void belongTo(DeviceQueue device) {
    queue = device;
  }

  public TensorType type() {
    return type;
  }

  public Shape shape() {
    return shape;
  }

  /// Distance in bytes between neighbours along dimension `dimension`.
  public long stride(int dimension) {
    return ggml_tensor.nb(handle, dimension);
  }

  /// Bytes the tensor's data spans; for a contiguous tensor those of its elements.
  public long bytes() {
    return shape.bytes(type);
  }

  /// Whether the elements lie one after the other, without gaps or permutation.
  public boolean isContiguous() {
    long expected = type.rowBytes(shape.ne0());
    long[] extents = {shape.ne1(), shape.ne2(), shape.ne3()};
    if (stride(0) != type.blockBytes()) {
      return false;
    }
    for (int i = 0; i < 3; i++) {
      if (extents[i] > 1 && stride(i + 1) != expected) {
        return false;
      }
      expected *= extents[i];
    }
    return true;
  }

  /// The tensor's name, or an empty string.
  public String name() {
    return ggml_tensor.name(handle).getString(0);
  }

  /// Names the tensor, for error messages; long names are cut to ggml's 63 bytes.
  public Tensor named(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, NAME_BYTES);
    MemorySegment field = ggml_tensor.name(handle);
    MemorySegment.copy(MemorySegment.ofArray(bytes), 0, field, 0, length);
    field.set(ValueLayout.JAVA_BYTE, length, (byte) 0);
    return this;
  }

  boolean isAllocated() {
    return ggml_tensor.data(handle).address() != 0;
  }

  /// Makes this tensor look as if it had memory. Data copied to it are dropped; data read from it
  /// are zero.
  void plan() {
    ggml_tensor.data(handle, PLANNED);
  }

  private boolean isPlanned() {
    return isAllocated() && ggml_tensor.buffer(handle).address() == 0;
  }

  /// Points this tensor at `bytes` of another's memory, `offset` bytes in.
  void bindTo(Tensor target, long offset) {
    ggml_tensor.buffer(handle, ggml_tensor.buffer(target.handle));
    ggml_tensor.data(
        handle, MemorySegment.ofAddress(ggml_tensor.data(target.handle).address() + offset));
    ggml_tensor.extra(handle, ggml_tensor.extra(target.handle));
  }

  /// Copies `source` into the tensor's memory, from byte `offset` on.
  ///
  /// @throws GgmlException when the bytes don't fit, or the tensor has no memory yet
  public void upload(MemorySegment source, long offset) {
    checkTransfer(source.byteSize(), offset);
    if (isPlanned()) {
      return;
    }
    if (source.isNative()) {
      for (long at = 0; at < source.byteSize(); at += TRANSFER_BYTES) {
        long length = Math.min(TRANSFER_BYTES, source.byteSize() - at);
        uploadAtOnce(source.asSlice(at, length), offset + at);
      }
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = heapCopy(source, arena);
      for (long at = 0; at < source.byteSize(); at += copy.byteSize()) {
        long length = Math.min(copy.byteSize(), source.byteSize() - at);
        uploadAtOnce(copy.asSlice(0, length).copyFrom(source.asSlice(at, length)), offset + at);
      }
    }
  }

  /// Copies `source` into the tensor's memory past whatever the device was asked for, from any
  /// thread. The caller sees to it that nothing that was asked for wants the tensor.
  ///
  /// @throws GgmlException when it isn't as many bytes, or the tensor has no memory yet
  public void uploadAside(MemorySegment source) {
    checkTransfer(source.byteSize(), bytes() - source.byteSize());
    for (long at = 0; at < source.byteSize(); at += TRANSFER_BYTES) {
      long length = Math.min(TRANSFER_BYTES, source.byteSize() - at);
      Ggml.ggml_backend_tensor_set(handle, source.asSlice(at, length), at, length);
    }
  }

  private void uploadAtOnce(MemorySegment source, long offset) {
    if (queue == null) {
      Ggml.ggml_backend_tensor_set(handle, source, offset, source.byteSize());
    } else {
      queue.upload(handle, source, offset);
    }
  }

  private void downloadAtOnce(MemorySegment target, long offset) {
    if (queue == null) {
      Ggml.ggml_backend_tensor_get(handle, target, offset, target.byteSize());
    } else {
      queue.download(handle, target, offset);
    }
  }

  /// Copies the tensor's memory from byte `offset` on into `target`, as much as it holds.
  ///
  /// @throws GgmlException when the tensor has fewer bytes, or no memory yet
  public void download(MemorySegment target, long offset) {
    checkTransfer(target.byteSize(), offset);
    if (isPlanned()) {
      target.fill((byte) 0);
      return;
    }
    if (target.isNative()) {
      for (long at = 0; at < target.byteSize(); at += TRANSFER_BYTES) {
        long length = Math.min(TRANSFER_BYTES, target.byteSize() - at);
        downloadAtOnce(target.asSlice(at, length), offset + at);
      }
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = heapCopy(target, arena);
      for (long at = 0; at < target.byteSize(); at += copy.byteSize()) {
        MemorySegment part = copy.asSlice(0, Math.min(copy.byteSize(), target.byteSize() - at));
        downloadAtOnce(part, offset + at);
        target.asSlice(at, part.byteSize()).copyFrom(part);
      }
    }
  }

  /// Native memory for a part of a segment of Java's heap. All of it at a time would be as much
  /// memory again, and the system takes long to give it out.
  private static MemorySegment heapCopy(MemorySegment heap, Arena arena) {
    return arena.allocate(Math.min(HEAP_BYTES, heap.byteSize()), Long.BYTES);
  }

  /// Copies this tensor to one of the same type and shape, whichever memory each is in.
  ///
  /// @throws GgmlException when they differ, or one has no memory yet
  public void copyTo(Tensor target) {
    if (type != target.type || !shape.equals(target.shape)) {
      throw new GgmlException(this + " can't be copied to " + target);
    }
    checkTransfer(bytes(), 0);
    target.checkTransfer(bytes(), 0);
    if (isPlanned() || target.isPlanned()) {
      return;
    }
    if (queue != null && queue == target.queue) {
      queue.copy(handle, target.handle);
    } else {
      finish();
      target.finish();
      Ggml.ggml_backend_tensor_copy(handle, target.handle);
    }
  }

  /// Fills an F32 tensor with as many values as it has elements.
  public void upload(float[] values) {
    checkElements(TensorType.F32, values.length);
    upload(MemorySegment.ofArray(values), 0);
  }

  /// Fills an I32 tensor with as many values as it has elements.
  public void upload(int[] values) {
    checkElements(TensorType.I32, values.length);
    upload(MemorySegment.ofArray(values), 0);
  }

  /// The values of an F32 tensor.
  public float[] downloadFloats() {
    float[] values = new float[Math.toIntExact(shape.elements())];
    checkElements(TensorType.F32, values.length);
    download(MemorySegment.ofArray(values), 0);
    return values;
  }

  /// Sets every byte to zero.
  public void clear() {
    checkTransfer(bytes(), 0);
    if (isPlanned()) {
      return;
    }
    finish();
    Ggml.ggml_backend_tensor_memset(handle, (byte) 0, 0, bytes());
  }

  private void finish() {
    if (queue != null) {
      queue.finish();
    }
  }

  private void checkElements(TensorType expected, long elements) {
    if (type != expected || shape.elements() != elements) {
      throw new GgmlException(
          elements + " values of " + expected.ggmlName() + " don't fit " + this);
    }
  }

  private void checkTransfer(long length, long offset) {
    if (!isAllocated()) {
      throw new GgmlException(this + " has no memory yet");
    }
    if (!isContiguous()) {
      throw new GgmlException(this + " isn't contiguous");
    }
    if (offset < 0 || length < 0 || offset > bytes() - length) {
      throw new GgmlException(
          length + " bytes at " + offset + " are outside the " + bytes() + " of " + this);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Tensor tensor && tensor.handle.address() == handle.address();
  }

  @Override
  public int hashCode() {
    return Long.hashCode(handle.address());
  }

  @Override
  public String toString() {
    String name = name();
    return (name.isEmpty() ? "tensor" : name) + " " + type.ggmlName() + " " + shape;
  }
}
