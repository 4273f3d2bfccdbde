package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Memory of CUDA's operations besides their tensors, by the sizes of ggml's tiles and blocks.
@ExtendWith(LeakCheck.class)
class CudaScratchTest {
  private static final long MIB = 1 << 20;
  private static final long WORKSPACE = 32 * MIB;
  private static final long UNFINISHED_TILES = 12 * MIB;

  @Test
  void quantizedWeights() {
    // 4,096 tokens of 4,096 elements in blocks of 36 bytes for 32: 18 MiB, and the last tile's.
    assertEquals(UNFINISHED_TILES + 20 * MIB, product(TensorType.Q4_K, TensorType.F32, 4096));
  }

  @Test
  void copiesInTheWeightsType() {
    assertEquals(32 * MIB, product(TensorType.BF16, TensorType.F32, 4096));
    assertEquals(0, product(TensorType.BF16, TensorType.BF16, 4096));
    assertEquals(0, product(TensorType.F32, TensorType.F32, 4096));
    assertEquals(0, product(TensorType.BF16, TensorType.F32, 16));
    // With the result in F16 as well.
    assertEquals((32 + 2) * MIB, product(TensorType.F16, TensorType.F32, 4096));
  }

  @Test
  void theLargestOfAll() {
    Ops ops = new Ops();
    Tensor x = ops.placeholder("x", TensorType.F32, Shape.of(4096, 4096));
    ops.schedule(ops.mulMat(ops.placeholder("a", TensorType.Q4_0, Shape.of(4096, 256)), x));
    ops.schedule(ops.mulMat(ops.placeholder("b", TensorType.BF16, Shape.of(4096, 256)), x));
    assertEquals(UNFINISHED_TILES + 20 * MIB, pool(ops));
  }

  private static long product(TensorType a, TensorType b, int columns) {
    Ops ops = new Ops();
    ops.schedule(
        ops.mulMat(
            ops.placeholder("a", a, Shape.of(4096, 256)),
            ops.placeholder("b", b, Shape.of(4096, columns))));
    return pool(ops);
  }

  private static long pool(Ops ops) {
    try (Backend backend = Backend.planning("cpu", 1);
        Graph graph = new Graph("products", backend, ops)) {
      return new CudaScratch(List.of(graph)).bytes() - WORKSPACE;
    }
  }
}
