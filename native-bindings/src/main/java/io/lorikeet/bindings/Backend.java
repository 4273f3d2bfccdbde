package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_backend_feature;
import io.lorikeet.ggml.ggml_backend_get_features_t;
import io.lorikeet.ggml.ggml_backend_set_n_threads_t;
import io.lorikeet.ggml.ggml_threadpool_params;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// An open device: it owns the device's queue and, on the CPU, the threads. Tensors and graphs of a
/// backend must be closed before it. Not safe for use by several threads at a time.
public final class Backend implements AutoCloseable {
  private final Device device;
  private final MemorySegment deviceHandle;
  private final MemorySegment handle;
  private final MemorySegment registry;
  private final int threads;
  private final BufferPurpose purpose;
  private final DeviceTraits traits;
  private final DeviceQueue queue;
  private MemorySegment threadPool = MemorySegment.NULL;
  private Optional<KernelLibrary> kernelLibrary = Optional.empty();
  private Optional<Profile> profile = Optional.empty();
  private @Nullable Backend cpu;
  private boolean closed;

  /// The purpose of an open backend.
  private enum BufferPurpose {
    COMPUTING,
    PLANNING,
    /// On the CPU, in place of a GPU that isn't there.
    PLANNING_GPU
  }

  private Backend(
      Device device,
      MemorySegment deviceHandle,
      MemorySegment handle,
      int threads,
      BufferPurpose purpose) {
    this.device = device;
    this.purpose = purpose;
    traits = purpose == BufferPurpose.PLANNING_GPU ? DeviceTraits.CUDA : DeviceTraits.of(device);
    this.deviceHandle = deviceHandle;
    this.handle = handle;
    this.registry = Ggml.ggml_backend_dev_backend_reg(deviceHandle);
    this.threads = threads;
    queue = new DeviceQueue(this);
  }

  /// The devices there are, those that compute fastest first.
  public static List<Device> devices() {
    NativeLibrary.load();
    List<Device> devices = new ArrayList<>();
    for (long i = 0; i < Ggml.ggml_backend_dev_count(); i++) {
      devices.add(describe(Ggml.ggml_backend_dev_get(i)));
    }
    devices.sort(Comparator.comparing(device -> device.kind().preference()));
    return devices;
  }

  private static Device describe(MemorySegment handle) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(ValueLayout.JAVA_LONG);
      MemorySegment total = arena.allocate(ValueLayout.JAVA_LONG);
      Ggml.ggml_backend_dev_memory(handle, free, total);
      return new Device(
          Ggml.ggml_backend_dev_name(handle).getString(0).toLowerCase(Locale.ROOT),
          Ggml.ggml_backend_dev_description(handle).getString(0),
          Device.DeviceKind.values()[Ggml.ggml_backend_dev_type(handle)],
          free.get(ValueLayout.JAVA_LONG, 0),
          total.get(ValueLayout.JAVA_LONG, 0));
    }
  }

  /// Opens a device.
  ///
  /// @param name a device's name, or `auto` for the best there is: a GPU before the CPU
  /// @param threads threads to compute with on the CPU; other devices ignore it
  /// @throws GgmlException when there is no such device, naming those there are, or when it can't
  ///     be opened
  public static Backend open(String name, int threads) {
    return open(name, threads, BufferPurpose.COMPUTING, Optional.empty());
  }

  /// Opens a device that is to compute as another did before.
  ///
  /// @param products how a CPU multiplies large matrices, if it can; see [#productFormat]
  public static Backend open(String name, int threads, Optional<ProductFormat> products) {
    return open(name, threads, BufferPurpose.COMPUTING, products);
  }

  /// Opens a device only to ask what a computation would need: tensors and graphs are made on it as
  /// on any, but take no memory of it, and hold and compute nothing.
  ///
  /// @param name as [#open] takes it
  public static Backend planning(String name, int threads) {
    return planning(name, threads, Optional.empty());
  }

  /// The same with products as [#open] takes them.
  public static Backend planning(String name, int threads, Optional<ProductFormat> products) {
    return open(name, threads, BufferPurpose.PLANNING, products);
  }

  /// As [#planning], for a GPU that isn't there. The CPU's kind of buffer stands in for the GPU's,
  /// which differs in how it aligns tensors.
  public static Backend planningGpu(int threads) {
    return open("cpu", threads, BufferPurpose.PLANNING_GPU, Optional.empty());
  }

  private static Backend open(
      String name, int threads, BufferPurpose purpose, Optional<ProductFormat> products) {
    if (threads < 1) {
      throw new GgmlException("a backend needs at least one thread, not " + threads);
    }
    List<Device> devices = devices();
    String wanted = name.toLowerCase(Locale.ROOT);
    Device device =
        devices.stream()
            .filter(d -> wanted.equals("auto") ? d.kind().isChosen() : d.name().equals(wanted))
            .findFirst()
            .orElseThrow(
                () ->
                    new GgmlException(
                        "there is no device '"
                            + name
                            + "'; there is "
                            + devices.stream().map(Device::name).collect(Collectors.joining(", "))
                            + NativeLibrary.load().missingBackends().stream()
                                .map(reason -> ". " + reason)
                                .collect(Collectors.joining())));
    for (long i = 0; i < Ggml.ggml_backend_dev_count(); i++) {
      MemorySegment candidate = Ggml.ggml_backend_dev_get(i);
      if (Ggml.ggml_backend_dev_name(candidate).getString(0).equalsIgnoreCase(device.name())) {
        MemorySegment handle = Ggml.ggml_backend_dev_init(candidate, MemorySegment.NULL);
        if (handle.address() == 0) {
          throw new GgmlException("the device " + device.name() + " could not be opened");
        }
        NativeResources.opened("backend");
        Backend backend = new Backend(device, candidate, handle, threads, purpose);
        if (backend.isCpu()) {
          backend.startThreads();
          backend.kernelLibrary = openKernelLibrary(threads, products);
        }
        return backend;
      }
    }
    throw new GgmlException("the device " + device.name() + " went away");
  }

  private static Optional<KernelLibrary> openKernelLibrary(
      int threads, Optional<ProductFormat> products) {
    return ServiceLoader.load(KernelLibrary.Provider.class, KernelLibrary.class.getClassLoader())
        .findFirst()
        .orElseThrow(() -> new GgmlException("Lorikeet's own kernels are missing: install it anew"))
        .open(threads, products);
  }

  /// A pool that lives as long as the backend: without it every graph would start threads of its
  /// own.
  private void startThreads() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment setThreads = procedure(arena, "ggml_backend_set_n_threads");
      ggml_backend_set_n_threads_t.invoke(setThreads, handle, threads);
      Linker linker = Linker.nativeLinker();
      MethodHandle create =
          linker.downcallHandle(
              procedure(arena, "ggml_threadpool_new"),
              FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS));
      MethodHandle use =
          linker.downcallHandle(
              procedure(arena, "ggml_backend_cpu_set_threadpool"),
              FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.ADDRESS));
      MemorySegment parameters = ggml_threadpool_params.allocate(arena);
      Ggml.ggml_threadpool_params_init(parameters, threads);
      threadPool = (MemorySegment) create.invokeExact(parameters);
      use.invokeExact(handle, threadPool);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new GgmlException("the CPU's threads could not be started", e);
    }
  }

  private void stopThreads() {
    try (Arena arena = Arena.ofConfined()) {
      MethodHandle free =
          Linker.nativeLinker()
              .downcallHandle(
                  procedure(arena, "ggml_threadpool_free"),
                  FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
      free.invokeExact(threadPool);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new GgmlException("the CPU's threads could not be stopped", e);
    }
  }

  /// A function that the device's library has besides ggml's own.
  MemorySegment procedure(Arena arena, String name) {
    MemorySegment address =
        Ggml.ggml_backend_reg_get_proc_address(registry, arena.allocateFrom(name));
    if (address.address() == 0) {
      throw new GgmlException("this build of ggml has no " + name + " for " + device.name());
    }
    return address;
  }

  public Device device() {
    return device;
  }

  public int threads() {
    return threads;
  }

  /// Whether this is ggml's CPU, which computes in the host's own memory.
  public boolean isCpu() {
    return traits == DeviceTraits.CPU;
  }

  /// The traits of this kind of device. A GPU that isn't there is taken for one of NVIDIA's.
  public DeviceTraits traits() {
    return traits;
  }

  /// Whether the CPU computes, as ggml's own device or under a Vulkan driver. The device's memory
  /// is this process's then.
  public boolean isSoftware() {
    return isCpu() || device.isSoftwareVulkan();
  }

  /// Whether this backend only tells what a computation would need.
  public boolean isPlanning() {
    return purpose != BufferPurpose.COMPUTING;
  }

  /// The device as it is now, with the memory that is free now.
  public Device deviceNow() {
    return describe(deviceHandle);
  }

  /// The library that has faster operations than ggml, where there is one.
  public Optional<KernelLibrary> kernelLibrary() {
    return kernelLibrary;
  }

  /// The library that multiplies large matrices in training, in words.
  public String products() {
    return kernelLibrary.map(KernelLibrary::toString).orElse("ggml");
  }

  /// How this backend multiplies large matrices.
  public ProductFormat productFormat() {
    return kernelLibrary.map(KernelLibrary::format).orElse(ProductFormat.GGML);
  }

  /// The libraries that compute, with their versions.
  public String libraries() {
    String ggml = "ggml " + NativeLibrary.load().ggmlVersion();
    return kernelLibrary.map(own -> ggml + ", " + own.library()).orElse(ggml);
  }

  /// The features that the computing library was built for: a CPU's instructions, such as `AVX512`.
  /// Of its builds, ggml takes the one that knows most of this processor's. Empty where the library
  /// doesn't say.
  public List<String> features() {
    List<String> features = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment list =
          Ggml.ggml_backend_reg_get_proc_address(
              registry, arena.allocateFrom("ggml_backend_get_features"));
      if (list.address() == 0) {
        return features;
      }
      MemorySegment entries =
          ggml_backend_get_features_t.invoke(list, registry).reinterpret(Long.MAX_VALUE);
      for (long i = 0; ; i++) {
        MemorySegment name = ggml_backend_feature.name(ggml_backend_feature.asSlice(entries, i));
        if (name.address() == 0) {
          return features;
        }
        features.add(name.reinterpret(Long.MAX_VALUE).getString(0));
      }
    }
  }

  /// Does work of the device that isn't a graph, but counts like one where time is measured.
  ///
  /// @param name as a graph's
  /// @param operation the work in words
  public void run(String name, String operation, Runnable work) {
    profile.ifPresentOrElse(p -> p.run(name, operation, this, work), work);
  }

  Optional<Profile> profile() {
    return profile;
  }

  void setProfile(Optional<Profile> profile) {
    this.profile = profile;
  }

  /// Whether the device can compute an operation, which then needn't be scheduled.
  public boolean supports(Tensor result) {
    return supports(result.handle());
  }

  boolean supports(MemorySegment node) {
    return Ggml.ggml_backend_dev_supports_op(deviceHandle, node);
  }

  /// The CPU, for what this device lacks.
  Backend cpu() {
    if (cpu == null) {
      cpu = isCpu() ? this : open("cpu", threads);
    }
    return cpu;
  }

  MemorySegment handle() {
    if (closed) {
      throw new IllegalStateException("the backend is closed");
    }
    return handle;
  }

  MemorySegment deviceHandle() {
    return deviceHandle;
  }

  /// The work that the device was given and may not have done yet.
  DeviceQueue queue() {
    return queue;
  }

  /// Waits until the device has done all it was asked for: graphs and copies are only queued.
  public void finish() {
    queue.finish();
  }

  /// Waits until the device has done what it was asked for before this method was called last, so
  /// that the host doesn't run ahead by more than two such stretches.
  public void pace() {
    queue.pace();
  }

  MemorySegment bufferType() {
    return Ggml.ggml_backend_get_default_buffer_type(handle());
  }

  /// The host's memory as this device can reach it fastest.
  MemorySegment hostBufferType() {
    MemorySegment pinned = Ggml.ggml_backend_dev_host_buffer_type(deviceHandle);
    return pinned.address() == 0 ? Ggml.ggml_backend_cpu_buffer_type() : pinned;
  }

  /// Bytes of the host's memory that copies between it and the device go through.
  ///
  /// @param largest bytes of the largest tensor that is copied
  public long stagingBytes(long largest) {
    return traits.stagingBytes(largest);
  }

  /// Bytes to which tensors in this backend's memory are aligned.
  public long alignment() {
    return Ggml.ggml_backend_get_alignment(handle());
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    queue.close();
    closed = true;
    if (cpu != null) {
      cpu.close();
    }
    Ggml.ggml_backend_free(handle);
    if (threadPool.address() != 0) {
      stopThreads();
    }
    kernelLibrary.ifPresent(KernelLibrary::close);
    NativeResources.closed("backend");
  }
}
