package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Memory that ggml's CUDA backend takes for itself, besides the graphs' memory. It has a pool for
/// the scratch memory of a running operation, as large as any operation wanted it so far
/// (`ggml_cuda_pool_vmm`, ggml-cuda.cu:535-625), and cuBLAS's workspace.
///
/// Sizes that differ between GPUs are those of the GPUs that want most. Lines are those of
/// [#MIRRORED] in `ggml/src/ggml-cuda`.
final class CudaScratch implements DeviceTraits.Scratch {
  /// The version of ggml whose lines are named here. Set it to another one only when they have been
  /// read there.
  static final String MIRRORED = "0.25.1";

  /// On GPUs since Hopper; older ones have an eighth (common.cuh:1547-1552).
  private static final long WORKSPACE = 32L << 20;

  /// By so much the pool grows (ggml-cuda.cu:290, 576-578).
  private static final long GRANULARITY = 2L << 20;

  /// Where allocations in the pool begin (ggml-cuda.cu:570-571).
  private static final long ALIGNMENT = 128;

  /// Unfinished tiles of a product with a quantized matrix, 128 x 128 in F32 for each of 192
  /// multiprocessors (`launch_mul_mat_q`, mmq.cuh:1448-1454).
  private static final long UNFINISHED_TILES = 192L * 128 * 128 * Float.BYTES;

  /// Rows of what is multiplied with a quantized matrix are padded to this many elements, and their
  /// number to one tile more (`ggml_cuda_mul_mat_q`, mmq.cu:118, 136-138, 205-207; common.cuh:186).
  private static final long ROW_PADDING = 512;

  private static final long TILE_COLUMNS = 128;
  private static final long TILE_BLOCK_BYTES = 144;

  /// Columns up to which BF16 and F32 matrices are multiplied without copies
  /// (`ggml_cuda_should_use_mmf`, mmf.cu:133-182).
  private static final long FEW_COLUMNS = 16;

  private long pool;

  /// @param graphs all that will run
  CudaScratch(List<Graph> graphs) {
    for (Graph graph : graphs) {
      for (int i = 0; i < graph.nodes(); i++) {
        pool = Math.max(pool, wanted(graph.node(i).reinterpret(ggml_tensor.sizeof())));
      }
    }
  }

  @Override
  public long bytes() {
    return Math.ceilDiv(pool, GRANULARITY) * GRANULARITY + WORKSPACE;
  }

  private static long wanted(MemorySegment node) {
    int operation = ggml_tensor.op(node);
    boolean ofExperts = operation == Ggml.GGML_OP_MUL_MAT_ID();
    if (operation != Ggml.GGML_OP_MUL_MAT() && !ofExperts) {
      return 0;
    }
    Tensor a = new Tensor(ggml_tensor.src(node, 0));
    Tensor b = new Tensor(ggml_tensor.src(node, 1));
    Tensor y = new Tensor(node);
    if (ofExperts) {
      return ofExperts(a, b, y);
    }
    return a.type().isQuantized()
        ? quantized(a, b.shape().ne0(), b.shape().rows(), y)
        : copies(a, b, y);
  }

  /// Operands of integer products are quantized to eight bits, with a scale for 32 of them; others
  /// are copied to F16.
  private static long quantized(Tensor a, long elements, long rows, Tensor y) {
    if (!multipliesIntegers(a.type())) {
      return aligned(Short.BYTES * a.shape().elements())
          + aligned(Short.BYTES * elements * rows)
          + aligned(Short.BYTES * y.shape().elements());
    }
    long padded = Math.ceilDiv(elements, ROW_PADDING) * ROW_PADDING;
    long blocks = aligned(rows * padded * 36 / 32 + TILE_COLUMNS * TILE_BLOCK_BYTES);
    return blocks + UNFINISHED_TILES;
  }

  /// `ggml_cuda_should_use_mmq`, mmq.cu:266-310.
  private static boolean multipliesIntegers(TensorType type) {
    return switch (type) {
      case IQ1_M, TQ1_0, TQ2_0 -> false;
      default -> true;
    };
  }

  /// Copies of operands in another type than the first matrix's (`ggml_cuda_mul_mat_cublas_impl`,
  /// ggml-cuda.cu:1441-1530).
  private static long copies(Tensor a, Tensor b, Tensor y) {
    if (a.type() == TensorType.F32 || b.shape().ne1() <= FEW_COLUMNS) {
      return 0;
    }
    long copy = b.type() == a.type() ? 0 : aligned(Short.BYTES * b.shape().elements());
    long result = a.type() == TensorType.F16 ? aligned(Short.BYTES * y.shape().elements()) : 0;
    return copy + result;
  }

  /// Tokens are sorted by their experts (`ggml_cuda_mul_mat_id`, ggml-cuda.cu:1950-1980;
  /// `ggml_cuda_mul_mat_q`, mmq.cu:187-189).
  private static long ofExperts(Tensor a, Tensor b, Tensor y) {
    long uses = y.shape().ne1() * y.shape().ne2();
    long indices =
        2 * aligned(Integer.BYTES * uses) + aligned(Integer.BYTES * (a.shape().ne2() + 1));
    if (a.type().isQuantized() && multipliesIntegers(a.type())) {
      return indices + quantized(a, b.shape().ne0(), uses, y);
    }
    long elementBytes = a.type().isQuantized() ? Float.BYTES : a.type().blockBytes();
    return indices
        + aligned(elementBytes * b.shape().ne0() * uses)
        + aligned(Float.BYTES * y.shape().elements());
  }

  private static long aligned(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }
}
