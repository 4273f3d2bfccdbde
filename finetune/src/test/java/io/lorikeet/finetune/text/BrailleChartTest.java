package io.lorikeet.finetune.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class BrailleChartTest {
  @Test
  void drawsAFallingLine() {
    List<String> lines = new BrailleChart(4, 2, 0, 7).lines(new double[] {7, 6, 5, 4, 3, 2, 1, 0});
    assertEquals(List.of("   7.0000 ⠑⢄⠀⠀", "   0.0000 ⠀⠀⠑⢄"), lines);
  }

  @Test
  void leavesGapsAndTakesFewValues() {
    double[] values = {1, Double.NaN};
    assertEquals(List.of("   1.0000 ⠉⠀"), new BrailleChart(2, 1, 0, 1).lines(values));
    assertEquals(List.of("   1.0000 ⠀⠀"), new BrailleChart(2, 1, 0, 1).lines(new double[0]));
  }
}
