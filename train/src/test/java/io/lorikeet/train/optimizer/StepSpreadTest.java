package io.lorikeet.train.optimizer;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StepSpreadTest {
  /// Losses that fall from 4 to about 1, noisy by half of themselves, and norms over two orders.
  private static StepSpread trained(int steps) {
    SplittableRandom random = new SplittableRandom(5);
    StepSpread spread = new StepSpread();
    for (int step = 1; step <= steps; step++) {
      double loss = (1 + 3.0 / step) * random.nextDouble(0.5, 1.5);
      double norm = Math.pow(10, random.nextDouble(-2, 0));
      int number = step;
      assertDoesNotThrow(() -> spread.check(number, loss, norm, List.of()));
      spread.add(loss, norm);
    }
    return spread;
  }

  @Test
  void findsWhatIsFarOutside() {
    StepSpread spread = trained(300);
    String loss =
        assertThrows(SpikeException.class, () -> spread.check(301, 12, 0.1, List.of()))
            .getMessage();
    assertTrue(loss.startsWith("step 301: the loss is 12.00, and was about "), loss);
    SpikeException norm =
        assertThrows(SpikeException.class, () -> spread.check(301, 1, 1000, List.of()));
    assertTrue(norm.getMessage().contains("the norm of the gradient is 1000"), norm.getMessage());
    assertEquals("gradient explosion", norm.kind());
  }

  @Test
  void leavesNoisyRunsAlone() {
    StepSpread spread = trained(2000);
    spread.check(2001, 3, 0.1, List.of()); // the largest of the first steps
    spread.check(2001, 1, 9, List.of());
  }

  @Test
  void judgesNothingInTheFirstSteps() {
    StepSpread spread = trained(19);
    spread.check(20, 1e6, 1e9, List.of());
  }

  @Test
  void comesBackAsItWasSaved() {
    Map<String, GgufValue> saved = new LinkedHashMap<>();
    trained(77).save(saved);
    Map<String, GgufValue> again = new LinkedHashMap<>();
    StepSpread.of(new GgufMetadata("test", saved)).save(again);
    assertEquals(saved, again);
  }
}
