package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_init_params;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Tensors that live in a device's memory until they are closed: weights, parameters, saved
/// activations.
public final class DeviceTensors implements AutoCloseable {
  private static final int IN_PLACE_ALIGNMENT = 32;

  private final MemorySegment context;

  /// Null for tensors of a mapping, which only the CPU computes with.
  private final @Nullable DeviceQueue queue;

  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private MemorySegment buffer = MemorySegment.NULL;
  private long plannedBytes;
  private boolean closed;

  /// A tensor to be made.
  public record Spec(String name, TensorType type, Shape shape) {}

  /// A tensor whose data is already in memory.
  ///
  /// @param data the tensor's bytes, which must outlive the tensor
  public record Placed(Spec spec, MemorySegment data) {}

  private DeviceTensors(int count, @Nullable DeviceQueue queue) {
    this.queue = queue;
    NativeLibrary.load();
    context = newContext(Ggml.ggml_tensor_overhead() * (count + 1L));
    NativeResources.opened("device tensors");
  }

  /// Makes tensors in the device's memory; what they hold is undefined.
  ///
  /// @throws GgmlException when the device hasn't enough memory, with the sizes
  public static DeviceTensors allocate(Backend backend, List<Spec> specs) {
    return allocate(backend, backend.bufferType(), backend.device().name(), specs);
  }

  /// Makes tensors in the host's memory, pinned where the device has such: copying between it and
  /// the device is fastest then.
  ///
  /// @throws GgmlException when the host hasn't enough memory, with the sizes
  public static DeviceTensors allocateOnHost(Backend backend, List<Spec> specs) {
    return allocate(backend, backend.hostBufferType(), "the host", specs);
  }

  private static DeviceTensors allocate(
      Backend backend, MemorySegment bufferType, String where, List<Spec> specs) {
    DeviceTensors result = new DeviceTensors(specs.size(), backend.queue());
    try {
      specs.forEach(result::create);
      if (!specs.isEmpty()) {
        long bytes = Ggml.ggml_backend_alloc_ctx_tensors_from_buft_size(result.context, bufferType);
        if (backend.isPlanning()) {
          result.plannedBytes = bytes;
          result.tensors.values().forEach(Tensor::plan);
          return result;
        }
        result.buffer = Ggml.ggml_backend_alloc_ctx_tensors_from_buft(result.context, bufferType);
        if (result.buffer.address() == 0) {
          throw new GgmlException(
              String.format(
                  Locale.ROOT,
                  "%s has no %.2f GB left for %s tensors",
                  where,
                  bytes / 1e9,
                  specs.size()));
        }
      }
      return result;
    } catch (RuntimeException e) {
      result.close();
      throw e;
    }
  }

  /// Makes tensors of the CPU backend on data that is in memory already, without copying it.
  ///
  /// @param placed tensors whose data lies within one mapping, each aligned to 32 bytes
  public static DeviceTensors inPlace(List<Placed> placed) {
    placed.forEach(DeviceTensors::checkPlace);
    DeviceTensors result = new DeviceTensors(placed.size(), null);
    try {
      long start = placed.stream().mapToLong(p -> p.data().address()).min().orElse(0);
      long end =
          placed.stream().mapToLong(p -> p.data().address() + p.data().byteSize()).max().orElse(0);
      if (end > start) {
        MemorySegment base = MemorySegment.ofAddress(start);
        result.buffer = Ggml.ggml_backend_cpu_buffer_from_ptr(base, end - start);
      }
      for (Placed place : placed) {
        Tensor tensor = result.create(place.spec());
        Ggml.ggml_backend_tensor_alloc(result.buffer, tensor.handle(), place.data());
      }
      return result;
    } catch (RuntimeException e) {
      result.close();
      throw e;
    }
  }

  /// Makes tensors that share the memory of another, one after the other from its beginning on.
  /// Several such sets can take turns in it.
  ///
  /// @param memory must outlive these tensors
  /// @throws GgmlException when it is too small, see [#overlayBytes]
  public static DeviceTensors overlay(Backend backend, Tensor memory, List<Spec> specs) {
    if (overlayBytes(backend, specs) > memory.bytes()) {
      throw new GgmlException(specs.size() + " tensors don't fit the memory of " + memory);
    }
    DeviceTensors result = new DeviceTensors(specs.size(), backend.queue());
    try {
      long offset = 0;
      for (Spec spec : specs) {
        result.create(spec).bindTo(memory, offset);
        offset += padded(backend, spec);
      }
      return result;
    } catch (RuntimeException e) {
      result.close();
      throw e;
    }
  }

  /// Bytes of memory that [#overlay] asks for.
  public static long overlayBytes(Backend backend, List<Spec> specs) {
    return specs.stream().mapToLong(spec -> padded(backend, spec)).sum();
  }

  private static long padded(Backend backend, Spec spec) {
    long alignment = backend.alignment();
    return Math.ceilDiv(spec.shape().bytes(spec.type()), alignment) * alignment;
  }

  private static void checkPlace(Placed place) {
    Spec spec = place.spec();
    long bytes = spec.shape().bytes(spec.type());
    if (place.data().byteSize() != bytes || !canBeUsedInPlace(place.data())) {
      throw new GgmlException(
          "the data of " + spec.name() + " isn't " + bytes + " bytes, aligned to 32");
    }
  }

  /// Whether ggml's CPU kernels can read a tensor right where its data is.
  public static boolean canBeUsedInPlace(MemorySegment data) {
    return data.address() % IN_PLACE_ALIGNMENT == 0;
  }

  /// A context for descriptions of tensors.
  ///
  /// @throws OutOfMemoryError when the process may not have this much memory: ggml would end it
  static MemorySegment newContext(long bytes) {
    NativeHeap.check(bytes, "descriptions of tensors");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment parameters = ggml_init_params.allocate(arena);
      ggml_init_params.mem_size(parameters, bytes);
      ggml_init_params.mem_buffer(parameters, MemorySegment.NULL);
      ggml_init_params.no_alloc(parameters, true);
      MemorySegment context = Ggml.ggml_init(parameters);
      if (context.address() == 0) {
        throw new GgmlException("no memory for the description of tensors");
      }
      return context;
    }
  }

  private Tensor create(Spec spec) {
    Shape shape = spec.shape();
    spec.type().rowBytes(shape.ne0());
    Tensor tensor =
        new Tensor(
                Ggml.ggml_new_tensor_4d(
                    context, spec.type().id(), shape.ne0(), shape.ne1(), shape.ne2(), shape.ne3()),
                queue)
            .named(spec.name());
    if (tensors.put(spec.name(), tensor) != null) {
      throw new GgmlException("two tensors are called " + spec.name());
    }
    return tensor;
  }

  /// The tensor of this name.
  ///
  /// @throws GgmlException when there is none
  public Tensor get(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new GgmlException("there is no tensor called " + name);
    }
    return tensor;
  }

  /// Bytes of the device's memory that the tensors take, or would take where it is only planned.
  public long bytes() {
    return buffer.address() == 0 ? plannedBytes : Ggml.ggml_backend_buffer_get_size(buffer);
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (queue != null) {
      queue.finish();
    }
    if (buffer.address() != 0) {
      Ggml.ggml_backend_buffer_free(buffer);
    }
    Ggml.ggml_free(context);
    NativeResources.closed("device tensors");
  }
}
