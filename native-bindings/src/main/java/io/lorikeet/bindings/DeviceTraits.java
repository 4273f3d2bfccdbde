package io.lorikeet.bindings;

import java.util.List;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;
import java.util.stream.Stream;

/// How the kinds of devices differ, as far as Lorikeet goes by it: one row for each, named by the
/// library that computes.
public enum DeviceTraits {
  CPU(true, true, Outer.FOR_LONG_ROWS, false, false, false, _ -> 0, _ -> () -> 0),

  /// ggml's CUDA backend, which can be built for AMD's and Moore Threads' GPUs, too. It leaves
  /// OUT_PROD to cuBLAS (`out-prod.cu`), copies transposed by tiles only within a type (`cpy.cu`),
  /// and takes copies into its queue.
  CUDA(true, true, Outer.FAST, true, true, true, _ -> DeviceQueue.STAGING_BYTES, CudaScratch::new),

  /// Products of F32 tensors are rounded to F16, where small gradients vanish and large ones
  /// overflow. Copies go through a buffer as large as the largest of them.
  VULKAN(
      false,
      false,
      Outer.MISSING,
      false,
      true,
      false,
      DeviceTraits::ofLargestCopy,
      VulkanScratch::new),

  /// With `GGML_VK_DISABLE_F16` set. Operands that aren't contiguous are copied in F16 even so.
  VULKAN_WITHOUT_F16(
      true,
      false,
      Outer.MISSING,
      false,
      true,
      false,
      DeviceTraits::ofLargestCopy,
      VulkanScratch::new),

  /// Metal and whatever else there is.
  OTHER(true, true, Outer.MISSING, false, true, false, _ -> 0, _ -> () -> 0);

  /// The operation OUT_PROD: the sum of the outer products of two matrices' columns.
  public enum Outer {
    MISSING,
    /// Fast where the result's rows are long.
    FOR_LONG_ROWS,
    FAST
  }

  /// Memory that a device's library takes for itself to run graphs.
  interface Scratch {
    /// Bytes of the device's memory.
    long bytes();

    /// Has the library take it now, where that is better than later.
    ///
    /// @param backend where the graphs have their memory by now
    default void reserve(Backend backend) {}
  }

  private final boolean keepsF32Products;
  private final boolean keepsStridedF32Products;
  private final Outer outer;
  private final boolean transposesWithinType;
  private final boolean queuesGraphs;
  private final boolean queuesCopies;
  private final LongUnaryOperator stagingBytes;
  private final Function<List<Graph>, Scratch> scratch;

  DeviceTraits(
      boolean keepsF32Products,
      boolean keepsStridedF32Products,
      Outer outer,
      boolean transposesWithinType,
      boolean queuesGraphs,
      boolean queuesCopies,
      LongUnaryOperator stagingBytes,
      Function<List<Graph>, Scratch> scratch) {
    this.keepsF32Products = keepsF32Products;
    this.keepsStridedF32Products = keepsStridedF32Products;
    this.outer = outer;
    this.transposesWithinType = transposesWithinType;
    this.queuesGraphs = queuesGraphs;
    this.queuesCopies = queuesCopies;
    this.stagingBytes = stagingBytes;
    this.scratch = scratch;
  }

  static DeviceTraits of(Device device) {
    if (device.kind() == Device.DeviceKind.CPU) {
      return CPU;
    }
    if (Stream.of("cuda", "rocm", "musa").anyMatch(device.name()::startsWith)) {
      return CUDA;
    }
    if (device.name().startsWith("vulkan")) {
      return System.getenv("GGML_VK_DISABLE_F16") == null ? VULKAN : VULKAN_WITHOUT_F16;
    }
    return OTHER;
  }

  private static long ofLargestCopy(long largest) {
    return Math.min(largest, Tensor.TRANSFER_BYTES);
  }

  /// Whether products of F32 tensors keep F32's range, and at least TF32's precision.
  public boolean keepsF32Products() {
    return keepsF32Products;
  }

  /// Whether they keep it for operands that aren't contiguous, too.
  public boolean keepsStridedF32Products() {
    return keepsStridedF32Products;
  }

  public Outer outer() {
    return outer;
  }

  /// Whether copies that transpose are fast only within a type.
  public boolean transposesWithinType() {
    return transposesWithinType;
  }

  /// Whether graphs are only queued, and the host goes on.
  boolean queuesGraphs() {
    return queuesGraphs;
  }

  /// Whether copies to and from the device take their turn among the graphs.
  boolean queuesCopies() {
    return queuesCopies;
  }

  /// Bytes of the host's memory that copies between it and the device go through.
  ///
  /// @param largest bytes of the largest tensor that is copied
  long stagingBytes(long largest) {
    return stagingBytes.applyAsLong(largest);
  }

  /// @param graphs all that will run on the device
  Scratch scratch(List<Graph> graphs) {
    return scratch.apply(graphs);
  }
}
