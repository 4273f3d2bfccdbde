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
import io.lorikeet.bindings.TensorType;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class StepLossesTest {
  /// More than there is room for, and that twice.
  private static final int BATCHES = 150;

  private static final int TOKENS = 33;

  @Test
  void allLossesInTheirOrderAndOneNumberMore() {
    try (Backend backend = Backend.open("cpu", 1);
        StepLosses losses = new StepLosses(backend, TOKENS);
        DeviceTensors other =
            DeviceTensors.allocate(
                backend, List.of(new Spec("other", TensorType.F32, Shape.of(1))))) {
      other.get("other").upload(new float[] {7.5f});
      for (int step = 1; step <= 2; step++) {
        for (int i = 0; i < BATCHES; i++) {
          losses.next(size(i)).upload(Arrays.copyOf(batch(i, step), TOKENS));
        }
        assertFalse(losses.isEmpty());
        TransformerModel.Losses taken = losses.take(other.get("other"));
        assertEquals(BATCHES, taken.losses().size());
        for (int i = 0; i < BATCHES; i++) {
          assertArrayEquals(batch(i, step), taken.losses().get(i), "batch " + i);
        }
        assertEquals(7.5, taken.other());
        assertTrue(losses.isEmpty());
      }
      assertEquals(List.of(), losses.take(null).losses());
    }
  }

  private static int size(int batch) {
    return 1 + batch % TOKENS;
  }

  private static float[] batch(int batch, int step) {
    float[] losses = new float[size(batch)];
    for (int i = 0; i < losses.length; i++) {
      losses[i] = batch * step + i / 100f;
    }
    return losses;
  }
}
