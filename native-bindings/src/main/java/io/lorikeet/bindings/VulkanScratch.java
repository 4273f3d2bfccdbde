package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Memory that ggml's Vulkan backend takes for itself, besides the graphs' memory. It holds copies
/// of the matrices that a product multiplies, in the type and order that its kernels read, and
/// partial results of long softmaxes. It has one buffer for a product's first matrix and one for
/// its second, as large as any operation wanted them so far (`ggml_vk_preallocate_buffers`, lines
/// 11781-11915). Lines are those of [#MIRRORED] in `ggml/src/ggml-vulkan/ggml-vulkan.cpp`.
///
/// Operands of products with quantized weights count as copied to F16. Devices that multiply
/// integers make smaller copies of it, and some none. Sums of parts of a product, a few MB on
/// devices with many cores, aren't counted.
final class VulkanScratch implements DeviceTraits.Scratch {
  /// The version of ggml whose lines are named here. Set it to another one only when they have been
  /// read there.
  static final String MIRRORED = "0.25.1";

  /// Rows longer than this are normalized by several workgroups of [#SOFT_MAX_SHARE] elements each
  /// (`ggml_vk_soft_max`, lines 10780-10800).
  private static final long LONG_SOFT_MAX = 16_384;

  private static final long SOFT_MAX_SHARE = 512;

  /// Columns that a product is padded to (`ggml_vk_mul_mat_q_f16`, lines 6143-6155).
  private static final long PADDING = 64;

  /// The most columns that are multiplied as single vectors (`ggml_vk_mul_mat`, lines 7054-7058).
  private static final long MOST_VECTORS = 8;

  private final Need first = new Need();
  private final Need second = new Need();

  /// The same buffer as the second, on some devices.
  private final Need besideQuantized = new Need();

  /// The most that any operation wants of a buffer.
  private static final class Need {
    private long bytes;
    private @Nullable MemorySegment node;

    void add(long wanted, MemorySegment operation) {
      if (wanted > bytes) {
        bytes = wanted;
        node = operation;
      }
    }
  }

  /// @param graphs all that will run
  VulkanScratch(List<Graph> graphs) {
    for (Graph graph : graphs) {
      for (int i = 0; i < graph.nodes(); i++) {
        add(graph.node(i).reinterpret(ggml_tensor.sizeof()));
      }
    }
  }

  private void add(MemorySegment node) {
    int operation = ggml_tensor.op(node);
    if (operation == Ggml.GGML_OP_MUL_MAT() || operation == Ggml.GGML_OP_MUL_MAT_ID()) {
      addProduct(node);
    } else if (operation == Ggml.GGML_OP_SOFT_MAX() && ggml_tensor.ne(node, 0) > LONG_SOFT_MAX) {
      long shares = Math.ceilDiv(ggml_tensor.ne(node, 0), SOFT_MAX_SHARE);
      long bytes = shares * Ggml.ggml_nrows(node) * Float.BYTES;
      first.add(bytes, node);
      second.add(bytes, node);
    }
  }

  private void addProduct(MemorySegment node) {
    Tensor a = new Tensor(ggml_tensor.src(node, 0));
    Tensor b = new Tensor(ggml_tensor.src(node, 1));
    if (!hasDenseMatrices(a)) {
      first.add(Short.BYTES * a.shape().elements(), node);
    }
    long columns = b.shape().ne1();
    boolean vectors = columns <= MOST_VECTORS && b.shape().ne2() * b.shape().ne3() == 1;
    long padded = vectors ? columns : Math.ceilDiv(columns, PADDING) * PADDING;
    long bytes = Short.BYTES * (b.shape().elements() / columns) * padded;
    if (!hasDenseMatrices(b)
        || (!vectors && a.type() == TensorType.BF16 && b.type() != TensorType.BF16)) {
      second.add(bytes, node);
    } else if (!vectors && a.type().isQuantized()) {
      besideQuantized.add(bytes, node);
    }
  }

  /// Whether a tensor's matrices lie one after the other, each without gaps: what kernels read.
  private static boolean hasDenseMatrices(Tensor tensor) {
    Shape shape = tensor.shape();
    return tensor.stride(0) == tensor.type().blockBytes()
        && tensor.stride(1) == tensor.type().rowBytes(shape.ne0())
        && (shape.ne3() == 1 || tensor.stride(3) == tensor.stride(2) * shape.ne2());
  }

  @Override
  public long bytes() {
    return first.bytes + Math.max(second.bytes, besideQuantized.bytes);
  }

  /// Has the buffers made as large as they will get, by computing the operations that want most of
  /// them, with whatever is in memory.
  ///
  /// Mesa's software device needs it. ggml leaves descriptors that an operation doesn't use at
  /// buffers of operations before, as Vulkan allows. Mesa 22.3 looks at those too, and where ggml
  /// has replaced such a buffer by a larger one, it writes to freed memory and may end the process.
  ///
  /// @throws GgmlException when the device can't compute one
  @Override
  public void reserve(Backend backend) {
    largest().stream()
        // Which experts an operation asks for isn't in memory yet.
        .filter(node -> ggml_tensor.op(node) != Ggml.GGML_OP_MUL_MAT_ID())
        .filter(backend::supports)
        .forEach(node -> reserve(backend, node));
  }

  /// The operations that want most. Softmaxes are last: their descriptors are those that would name
  /// buffers from before a product.
  List<MemorySegment> largest() {
    return Stream.of(first, second, besideQuantized)
        .map(need -> need.node)
        .filter(Objects::nonNull)
        .distinct()
        .sorted(Comparator.comparing(node -> ggml_tensor.op(node) == Ggml.GGML_OP_SOFT_MAX()))
        .toList();
  }

  private static void reserve(Backend backend, MemorySegment node) {
    int status = GraphRun.computeAlone(backend, node);
    if (status != Ggml.GGML_STATUS_SUCCESS()) {
      throw new GgmlException(
          "%s has no memory for copies of what %s multiplies: %s"
              .formatted(
                  backend.device().name(),
                  new Tensor(node),
                  Ggml.ggml_status_to_string(status).getString(0)));
    }
  }
}
