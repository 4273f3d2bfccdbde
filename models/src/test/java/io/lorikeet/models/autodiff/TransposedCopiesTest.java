package io.lorikeet.models.autodiff;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.DeviceTraits;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.GraphMemory;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class TransposedCopiesTest {
  private static final Shape SHAPE = Shape.of(40, 24, 3);

  /// Rounded before they are transposed, as on CUDA, or after.
  @Test
  void theSameEitherWay() {
    assertArrayEquals(copies(DeviceTraits.CPU), copies(DeviceTraits.CUDA));
  }

  private static short[] copies(DeviceTraits traits) {
    try (Backend backend = Backend.open("cpu", 1, Optional.of(ProductFormat.GGML))) {
      Ops ops = new Ops();
      Tensor rows = ops.placeholder("row_numbers", TensorType.I32, Shape.of(24));
      Tensor x = ops.placeholder("x", TensorType.F32, SHAPE);
      Shape transposed = Shape.of(24, 40, 3);
      Tensor y = ops.placeholder("y", TensorType.BF16, transposed);
      BackwardOps backwardOps = new BackwardOps(ops, backend);
      GgmlKernels kernels = new GgmlKernels(ops, backwardOps, traits, false, rows, 1024, true);
      ops.schedule(ops.copy(kernels.transposed(x), y));
      List<Spec> specs =
          List.of(
              new Spec("row_numbers", TensorType.I32, Shape.of(24)),
              new Spec("x", TensorType.F32, SHAPE),
              new Spec("y", TensorType.BF16, transposed));
      try (Graph graph = new Graph("transposing", backend, ops);
          DeviceTensors tensors = DeviceTensors.allocate(backend, specs);
          GraphMemory memory = new GraphMemory(backend)) {
        List.of(rows, x, y).forEach(t -> graph.bind(t, tensors.get(t.name())));
        memory.allocate(List.of(graph));
        SplittableRandom random = new SplittableRandom(3);
        float[] values = new float[Math.toIntExact(SHAPE.elements())];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian();
        }
        tensors.get("x").upload(values);
        graph.compute();
        short[] result = new short[values.length];
        tensors.get("y").download(MemorySegment.ofArray(result), 0);
        return result;
      }
    }
  }
}
