package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimingTest {

  @Test
  void medianAndSpreadAreTokensPerSecond() {
    Timing three = new Timing(100, List.of(4.0, 1.0, 2.0));
    assertEquals(50, three.median());
    assertEquals(25, three.slowest());
    assertEquals(100, three.fastest());
    assertEquals(100 / 1.5, new Timing(100, List.of(2.0, 1.0)).median());
  }

  @Test
  void warmingUpIsNotCounted() {
    List<Integer> calls = new ArrayList<>();
    assertEquals(2, Timing.of(1, 2, () -> calls.add(1)).seconds().size());
    assertEquals(12 + 2, calls.size());
  }
}
