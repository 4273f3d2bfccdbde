package io.lorikeet.finetune;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class FirstRunTest {
  /// Rows times examples are more than an int holds.
  @Test
  void theRowsOfLargeDataAreCounted() {
    assertEquals(99_900, FirstRun.trainedRows(100_000, 200_000, 200));
    assertEquals(3, FirstRun.trainedRows(3, 5, 1));
  }
}
