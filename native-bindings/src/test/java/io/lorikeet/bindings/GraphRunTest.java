package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.ggml.Ggml;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Graphs of which a device is said to lack operations.
@ExtendWith(LeakCheck.class)
class GraphRunTest {
  private static final int COLUMNS = 64;
  private static final int ROWS = 6;

  /// Everything that can't be taken for a plain copy: a weight's rows, a product, a view with gaps,
  /// a softmax, an operation in place, one that writes into a part of another tensor.
  private static final Set<String> MOVED =
      Set.of("GET_ROWS", "MUL_MAT", "CONT", "SOFT_MAX", "CPY", "SET_ROWS");

  @Test
  void operationsThatTheCpuLacksTooAreNamed() {
    try (Backend backend = Backend.open("cpu", 1);
        Ops ops = new Ops()) {
      Tensor x = ops.placeholder("x", TensorType.F32, Shape.of(256));
      int type = TensorType.IQ2_XXS.id(); // which can't be made without an importance matrix
      ops.schedule(ops.made(Ggml.ggml_cast(ops.context(), x.handle(), type)));
      GgmlException e = assertThrows(GgmlException.class, () -> new Graph("a cast", backend, ops));
      assertTrue(
          e.getMessage().contains("can't compute a cast; it lacks CPY of x"), e.getMessage());
    }
  }

  @Test
  void theSameOnTheCpu() {
    try (Backend backend = Backend.open("cpu", 2)) {
      float[] whole = result(backend, backend::supports);
      assertArrayEquals(whole, result(backend, without(MOVED)));
      assertArrayEquals(whole, result(backend, _ -> false));
      Profile profile =
          Profile.ofOperations(
              backend, () -> assertArrayEquals(whole, result(backend, without(MOVED))));
      assertTrue(
          profile.nanoseconds().keySet().stream().anyMatch(e -> e.operation().equals("SOFT_MAX")));
    }
  }

  @Test
  @Tag("vulkan")
  void theSameOnAnotherDevice() {
    VulkanDevice.assumePresent();
    float[] expected;
    try (Backend cpu = Backend.open("cpu", 1)) {
      expected = result(cpu, cpu::supports);
    }
    assertArrayEquals(expected, onVulkan(without(MOVED)), 1e-4f);
    // Its own products are of F16.
    assertArrayEquals(expected, onVulkan(without(Set.of("GET_ROWS"))), 1e-2f);
    assertArrayEquals(expected, onVulkan(_ -> true), 1e-2f);
  }

  /// On a backend of its own: Mesa's device looks at the buffers of graphs before, which are gone.
  private static float[] onVulkan(Predicate<MemorySegment> supported) {
    try (Backend backend = Backend.open(VulkanDevice.NAME, 2)) {
      return result(backend, supported);
    }
  }

  private static Predicate<MemorySegment> without(Set<String> operations) {
    return node -> !operations.contains(Ggml.ggml_op_desc(node).getString(0));
  }

  private static float[] result(Backend backend, Predicate<MemorySegment> supported) {
    Ops ops = new Ops();
    Tensor weight = ops.placeholder("weight", TensorType.Q4_0, Shape.of(COLUMNS, ROWS));
    Tensor x = ops.placeholder("x", TensorType.F32, Shape.of(COLUMNS, ROWS));
    Tensor rows = ops.placeholder("rows", TensorType.I32, Shape.of(2));
    Tensor y = ops.placeholder("y", TensorType.F32, Shape.of(COLUMNS, ROWS));
    Tensor dequantized = ops.getRows(weight, rows);
    Tensor product = ops.mulMat(dequantized, x); // [2, ROWS]
    Tensor part = ops.view(x, Shape.of(COLUMNS, 2), 2 * x.stride(1));
    Tensor sum = ops.add(ops.cont(ops.transpose(part)), ops.view(product, Shape.of(2), 0));
    Tensor weights = ops.softMax(sum, null, 0.5f);
    Tensor turned = ops.cont(ops.transpose(weights)); // [COLUMNS, 2]
    ops.schedule(ops.copy(turned, ops.view(y, Shape.of(COLUMNS, 2), y.stride(1))));
    ops.schedule(ops.setRows(y, ops.scale(turned, 3), rows));
    try (Graph graph = new Graph("a mix", backend, ops, supported);
        GraphMemory memory = new GraphMemory(backend);
        DeviceTensors tensors =
            DeviceTensors.allocate(
                backend,
                List.of(
                    new Spec("weight", TensorType.Q4_0, Shape.of(COLUMNS, ROWS)),
                    new Spec("x", TensorType.F32, Shape.of(COLUMNS, ROWS)),
                    new Spec("rows", TensorType.I32, Shape.of(2)),
                    new Spec("y", TensorType.F32, Shape.of(COLUMNS, ROWS))))) {
      SplittableRandom random = new SplittableRandom(5);
      float[] values = new float[COLUMNS * ROWS];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextDouble(-1, 1);
      }
      tensors.get("x").upload(values);
      tensors.get("y").upload(values);
      tensors.get("rows").upload(new int[] {4, 0});
      byte[] packed = new byte[Math.toIntExact(tensors.get("weight").bytes())];
      random.nextBytes(packed);
      for (int block = 0; block < packed.length; block += TensorType.Q4_0.blockBytes()) {
        packed[block] = 0;
        packed[block + 1] = 0x20; // the scale: 2^-7 in F16
      }
      tensors.get("weight").upload(MemorySegment.ofArray(packed), 0);
      graph.bind(weight, tensors.get("weight"));
      graph.bind(x, tensors.get("x"));
      graph.bind(rows, tensors.get("rows"));
      graph.bind(y, tensors.get("y"));
      memory.allocate(List.of(graph));
      graph.compute();
      return tensors.get("y").downloadFloats();
    }
  }
}
