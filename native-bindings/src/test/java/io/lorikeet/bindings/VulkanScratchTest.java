package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.ggml.Ggml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Memory of Vulkan's operations besides their tensors, which is taken before they run.
@ExtendWith(LeakCheck.class)
class VulkanScratchTest {
  @Test
  void secondMatrixBesideBf16() {
    long padded = 128;
    assertEquals(2 * 512 * padded, productBytes(TensorType.BF16, 100));
    assertEquals(0, productBytes(TensorType.F32, 100));
  }

  @Test
  void secondMatrixBesideQuantized() {
    assertEquals(2 * 512 * 64, productBytes(TensorType.Q4_0, 64));
    // Vectors are read as they are.
    assertEquals(0, productBytes(TensorType.Q4_0, 8));
  }

  private static long productBytes(TensorType type, int columns) {
    Ops ops = new Ops();
    Tensor a = ops.placeholder("a", type, Shape.of(512, 32));
    Tensor b = ops.placeholder("b", TensorType.F32, Shape.of(512, columns));
    return bytes(ops, ops.mulMat(a, b));
  }

  @Test
  void matricesWithGaps() {
    Ops ops = new Ops();
    Tensor a = ops.placeholder("a", TensorType.F32, Shape.of(512, 48));
    Tensor b = ops.placeholder("b", TensorType.F32, Shape.of(512, 64));
    UnaryOperator<Tensor> part = x -> ops.view(x, Shape.of(96, x.shape().ne1()), 0);
    assertEquals(2 * 96 * (48 + 64), bytes(ops, ops.mulMat(part.apply(a), part.apply(b))));
  }

  /// One partial result for every 512 elements of a row, in both buffers.
  @Test
  void longSoftMaxes() {
    assertEquals(2 * 40 * 3 * Float.BYTES, softMaxBytes(20_000));
    assertEquals(0, softMaxBytes(16_384));
  }

  private static long softMaxBytes(int length) {
    Ops ops = new Ops();
    Tensor x = ops.placeholder("x", TensorType.F32, Shape.of(length, 3));
    return bytes(ops, ops.softMax(x, null, 1));
  }

  /// A head's: the softmax is the only one to want the first buffer, the product behind it wants a
  /// larger second one.
  @Test
  void productsBeforeSoftMaxes() {
    Ops ops = new Ops();
    Tensor x = ops.placeholder("x", TensorType.F32, Shape.of(20_000, 16));
    Tensor a = ops.placeholder("a", TensorType.BF16, Shape.of(20_000, 32));
    ops.schedule(ops.mulMat(a, ops.softMax(x, null, 1)));
    try (Backend backend = Backend.planning("cpu", 1);
        Graph graph = new Graph("a head", backend, ops)) {
      List<String> largest =
          new VulkanScratch(List.of(graph))
              .largest().stream().map(node -> Ggml.ggml_op_desc(node).getString(0)).toList();
      assertEquals(List.of("MUL_MAT", "SOFT_MAX"), largest);
    }
  }

  private static long bytes(Ops ops, Tensor result) {
    ops.schedule(result);
    try (Backend backend = Backend.planning("cpu", 1);
        Graph graph = new Graph("an operation", backend, ops)) {
      return new VulkanScratch(List.of(graph)).bytes();
    }
  }

  /// A buffer that grows while graphs run is replaced, and Mesa's device may then end the process:
  /// it still looks at the one before.
  @Test
  @Tag("vulkan")
  void isTakenBeforeGraphsRun() throws IOException {
    VulkanDevice.assumePresent();
    int size = 4096;
    try (Backend backend = Backend.open(VulkanDevice.NAME, 1)) {
      Ops ops = new Ops();
      Tensor a = ops.placeholder("a", TensorType.BF16, Shape.of(size, 16));
      Tensor b = ops.placeholder("b", TensorType.F32, Shape.of(size, size));
      ops.schedule(ops.mulMat(a, b));
      try (Graph graph = new Graph("a product", backend, ops);
          GraphMemory memory = new GraphMemory(backend);
          DeviceTensors tensors =
              DeviceTensors.allocate(
                  backend,
                  List.of(
                      new Spec("a", a.type(), a.shape()), new Spec("b", b.type(), b.shape())))) {
        tensors.get("a").clear();
        tensors.get("b").clear();
        graph.bind(a, tensors.get("a"));
        graph.bind(b, tensors.get("b"));
        long before = residentBytes();
        memory.allocate(List.of(graph));
        assertEquals(2L * size * size, memory.scratchBytes());
        long allocated = residentBytes();
        graph.compute();
        long computed = residentBytes();
        if (backend.isSoftware()) {
          assertTrue(allocated - before >= memory.scratchBytes(), before + " to " + allocated);
          assertTrue(
              computed - allocated < memory.scratchBytes() / 2, allocated + " to " + computed);
        }
      }
    }
  }

  private static long residentBytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
