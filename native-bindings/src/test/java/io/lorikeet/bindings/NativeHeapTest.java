package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class NativeHeapTest {
  /// More than the address space of a process holds.
  @Test
  void memoryThatCannotBeHadIsToldBeforeGgmlAsksForIt() {
    OutOfMemoryError problem =
        assertThrows(OutOfMemoryError.class, () -> DeviceTensors.newContext(1L << 60));
    assertEquals(
        "the system gives no 1152921504.61 GB for descriptions of tensors", problem.getMessage());
  }
}
