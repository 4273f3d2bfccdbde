package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.bindings.DeviceTensors.Spec;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// A device works in the order in which it was given the work, however far it is behind the host.
@ExtendWith(LeakCheck.class)
@Tag("vulkan")
class DeviceQueueTest {
  private static final int SIZE = 384;
  private static final int RUNS = 6;

  /// A product that takes a while, so that nobody who doesn't wait finds its result: sum += A x.
  private static void withWork(BiConsumer<Graph, DeviceTensors> test) {
    VulkanDevice.assumePresent();
    Shape matrix = Shape.of(SIZE, SIZE);
    try (Backend backend = Backend.open(VulkanDevice.NAME, 1)) {
      Ops ops = new Ops();
      Tensor a = ops.placeholder("a", TensorType.BF16, matrix);
      Tensor x = ops.placeholder("x", TensorType.F32, matrix);
      Tensor sum = ops.placeholder("sum", TensorType.F32, matrix);
      ops.schedule(ops.copy(ops.add(ops.mulMat(a, x), sum), sum));
      List<Tensor> placeholders = List.of(a, x, sum);
      List<Spec> specs =
          placeholders.stream().map(t -> new Spec(t.name(), t.type(), t.shape())).toList();
      try (Graph graph = new Graph("a product", backend, ops);
          DeviceTensors tensors = DeviceTensors.allocate(backend, specs);
          GraphMemory memory = new GraphMemory(backend)) {
        placeholders.forEach(
            placeholder -> graph.bind(placeholder, tensors.get(placeholder.name())));
        memory.allocate(List.of(graph));
        tensors.get("a").upload(ones(), 0);
        tensors.get("sum").clear();
        test.accept(graph, tensors);
      }
    }
  }

  /// BF16 ones, two to an integer.
  private static MemorySegment ones() {
    int[] pairs = new int[SIZE * SIZE / 2];
    Arrays.fill(pairs, 0x3f803f80);
    return MemorySegment.ofArray(pairs);
  }

  private static float[] all(float value) {
    float[] values = new float[SIZE * SIZE];
    Arrays.fill(values, value);
    return values;
  }

  @Test
  void whatIsUploadedIsForLaterGraphs() {
    withWork(
        (graph, tensors) -> {
          float expected = 0;
          for (int run = 1; run <= RUNS; run++) {
            tensors.get("x").upload(all(run));
            graph.compute();
            expected += run * SIZE;
          }
          assertArrayEquals(all(expected), tensors.get("sum").downloadFloats());
        });
  }

  @Test
  void whatIsClearedIsForLaterGraphs() {
    withWork(
        (graph, tensors) -> {
          tensors.get("x").upload(all(1));
          for (int run = 1; run <= RUNS; run++) {
            tensors.get("sum").clear();
            graph.compute();
          }
          tensors.get("x").clear();
          graph.compute();
          assertArrayEquals(all(SIZE), tensors.get("sum").downloadFloats());
        });
  }

  @Test
  void copiesAreOfWhatGraphsGave() {
    withWork(
        (graph, tensors) -> {
          tensors.get("x").upload(all(1));
          for (int run = 1; run <= 3; run++) {
            graph.compute();
            tensors.get("sum").copyTo(tensors.get("x"));
          }
          // n, n + n n, and that once more as much and n times as much
          double n = SIZE;
          double second = n + n * n;
          assertEquals(
              second + n * second, tensors.get("sum").downloadFloats()[7], 1e-2 * n * n * n);
        });
  }

  @Test
  void resultsAreReadWhenTheyAreThere() {
    withWork(
        (graph, tensors) -> {
          tensors.get("x").upload(all(1));
          for (int run = 1; run <= RUNS; run++) {
            graph.compute();
            assertEquals(run * SIZE, tensors.get("sum").downloadFloats()[SIZE * SIZE - 1]);
          }
        });
  }
}
