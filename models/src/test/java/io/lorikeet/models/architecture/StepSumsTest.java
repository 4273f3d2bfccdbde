package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class StepSumsTest {
  /// More than there is room for, and that twice.
  private static final int BATCHES = 150;

  @Test
  void allLossesInTheirOrderAndOneNumberMore() {
    try (Backend backend = Backend.open("cpu", 1);
        StepSums sums = new StepSums(backend);
        DeviceTensors other =
            DeviceTensors.allocate(
                backend, List.of(new Spec("other", TensorType.F32, Shape.of(1))))) {
      other.get("other").upload(new float[] {7.5f});
      for (int step = 1; step <= 2; step++) {
        for (int i = 0; i < BATCHES; i++) {
          Tensor loss = sums.nextLoss();
          assertArrayEquals(new float[1], loss.downloadFloats());
          loss.upload(new float[] {i * step});
        }
        assertFalse(sums.isEmpty());
        TransformerModel.Sums taken = sums.take(other.get("other"));
        int factor = step;
        double[] expected = IntStream.range(0, BATCHES).mapToDouble(i -> i * factor).toArray();
        assertArrayEquals(expected, taken.losses());
        assertEquals(7.5, taken.other());
        assertTrue(sums.isEmpty());
      }
      assertEquals(0, sums.take(null).losses().length);
    }
  }
}
