package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.DeviceTensors.Spec;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class GraphTest {
  private final Backend backend = Backend.open("cpu", 1);

  @AfterEach
  void close() {
    backend.close();
  }

  private DeviceTensors tensors(Spec... specs) {
    return DeviceTensors.allocate(backend, List.of(specs));
  }

  private static Spec floats(String name, int count) {
    return new Spec(name, TensorType.F32, Shape.of(count));
  }

  /// y = (first three of x) + 1, where x and y are pointed at other memory before each run.
  @Test
  void runsOnWhatItIsBoundTo() {
    Ops ops = new Ops();
    Tensor x = ops.placeholder("x", TensorType.F32, Shape.of(4));
    Tensor y = ops.placeholder("y", TensorType.F32, Shape.of(3));
    Tensor one = ops.placeholder("one", TensorType.F32, Shape.of(1));
    ops.schedule(ops.copy(ops.add(ops.view(x, Shape.of(3), 4), one), y));
    try (Graph graph = new Graph("a sum", backend, ops);
        GraphMemory memory = new GraphMemory(backend);
        DeviceTensors tensors = tensors(floats("in", 128), floats("out", 3), floats("1", 1))) {
      float[] values = new float[128];
      IntStream.range(0, values.length).forEach(i -> values[i] = i);
      tensors.get("in").upload(values);
      tensors.get("1").upload(new float[] {1});
      graph.bind(x, tensors.get("in"));
      graph.bind(y, tensors.get("out"));
      graph.bind(one, tensors.get("1"));
      memory.allocate(List.of(graph));
      graph.compute();
      assertArrayEquals(new float[] {2, 3, 4}, tensors.get("out").downloadFloats());
      graph.bind(x, tensors.get("in"), 64 * Float.BYTES);
      graph.compute();
      assertArrayEquals(new float[] {66, 67, 68}, tensors.get("out").downloadFloats());
      assertTrue(memory.bytes() > 0);
    }
  }

  @Test
  void matricesBeginWhereKernelsCanReadThem() {
    Ops ops = new Ops();
    Tensor matrix = ops.placeholder("matrix", TensorType.F32, Shape.of(4, 2));
    Tensor vector = ops.placeholder("vector", TensorType.F32, Shape.of(4));
    ops.schedule(ops.add(matrix, vector));
    try (Graph graph = new Graph("a sum", backend, ops);
        DeviceTensors tensors = tensors(floats("x", 128))) {
      Tensor x = tensors.get("x");
      graph.bind(matrix, x, backend.alignment());
      graph.bind(vector, x, Float.BYTES);
      assertThrows(GgmlException.class, () -> graph.bind(matrix, x, Float.BYTES));
      assertThrows(GgmlException.class, () -> graph.bind(vector, x, 2));
      assertThrows(GgmlException.class, () -> graph.bind(vector, x, 125 * Float.BYTES));
    }
  }

  /// The two have as many tensors of the same sizes, but those of the first live longer: with the
  /// places of the second's they would overwrite each other.
  @Test
  void graphsThatShareMemoryKeepTheirResults() {
    try (DeviceTensors tensors = tensors(floats("x", 64), floats("sum", 64), floats("double", 64));
        Graph sum = graph(tensors, "sum");
        Graph doubled = graph(tensors, "double");
        GraphMemory memory = new GraphMemory(backend)) {
      float[] ones = new float[64];
      Arrays.fill(ones, 1);
      tensors.get("x").upload(ones);
      memory.allocate(List.of(sum, doubled));
      sum.compute();
      doubled.compute();
      assertEquals(2 + 2 * 3 + 2 * 3 * 4, tensors.get("sum").downloadFloats()[63]);
      assertEquals(4 * 2 * 3 * 4, tensors.get("double").downloadFloats()[63]);
    }
  }

  private Graph graph(DeviceTensors tensors, String result) {
    Ops ops = new Ops();
    Tensor a = ops.scale(ops.constant(tensors.get("x")), 2);
    Tensor b = ops.scale(a, 3);
    Tensor c = ops.scale(b, 4);
    boolean keepsAll = result.equals("sum");
    Tensor once = ops.add(c, keepsAll ? b : c);
    Tensor twice = ops.add(once, keepsAll ? a : once);
    ops.schedule(ops.copy(twice, ops.constant(tensors.get(result))));
    return new Graph(result, backend, ops);
  }

  @Test
  void bindRefusesWhatDoesntFit() {
    Ops ops = new Ops();
    Tensor x = ops.placeholder("x", TensorType.F32, Shape.of(4));
    Tensor computed = ops.silu(x);
    ops.schedule(computed);
    try (Graph graph = new Graph("silu", backend, ops);
        GraphMemory memory = new GraphMemory(backend);
        DeviceTensors tensors =
            tensors(
                floats("three", 3),
                floats("four", 4),
                new Spec("ids", TensorType.I32, Shape.of(4)))) {
      assertThrows(GgmlException.class, () -> memory.allocate(List.of(graph)), "unbound");
      assertThrows(GgmlException.class, () -> graph.bind(x, tensors.get("three")));
      assertThrows(GgmlException.class, () -> graph.bind(x, tensors.get("ids")));
      assertThrows(GgmlException.class, () -> graph.bind(x, tensors.get("four"), 4));
      assertThrows(GgmlException.class, () -> graph.bind(x, tensors.get("four"), -4));
      assertThrows(GgmlException.class, () -> graph.bind(x, computed), "without memory");
      assertThrows(GgmlException.class, () -> graph.bind(computed, tensors.get("four")));
      graph.bind(x, tensors.get("four"));
    }
  }

  @Test
  void doesNothingAfterClose() {
    Ops ops = new Ops();
    Graph graph = new Graph("nothing", backend, ops);
    graph.close();
    graph.close();
    assertThrows(IllegalStateException.class, graph::compute);
    try (GraphMemory memory = new GraphMemory(backend)) {
      assertThrows(IllegalStateException.class, () -> memory.allocate(List.of(graph)));
    }
  }

  /// A product of F32 and F16, which the CPU has in the other order only.
  @Test
  void namesOperationsThatTheDeviceLacks() {
    Ops ops = new Ops();
    Tensor a = ops.placeholder("weights", TensorType.F32, Shape.of(32, 4));
    Tensor b = ops.placeholder("halves", TensorType.F16, Shape.of(32, 2));
    ops.schedule(ops.mulMat(a, b));
    String message =
        assertThrows(GgmlException.class, () -> new Graph("a product", backend, ops)).getMessage();
    assertTrue(message.contains("cpu") && message.contains("a product"), message);
    assertTrue(message.contains("MUL_MAT of weights f32 [32, 4], halves f16 [32, 2]"), message);
  }

  @Test
  void unknownDevicesAndNoThreads() {
    String message = assertThrows(GgmlException.class, () -> Backend.open("tpu7", 1)).getMessage();
    assertTrue(message.contains("'tpu7'") && message.contains("cpu"), message);
    assertThrows(GgmlException.class, () -> Backend.open("cpu", 0));
  }

  @Test
  void aBackendIsClosedOnce() {
    Backend other = Backend.open("CPU", 2);
    assertTrue(other.isCpu() && other.traits().keepsF32Products());
    assertEquals(2, other.threads());
    other.close();
    other.close();
    assertThrows(IllegalStateException.class, other::alignment);
  }
}
