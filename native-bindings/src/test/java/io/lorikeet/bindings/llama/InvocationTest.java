package io.lorikeet.bindings.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.List;
import org.junit.jupiter.api.Test;

class InvocationTest {
  private static int firstAdapted(List<Integer> invocation, int... prompt) {
    return new Invocation(invocation).firstAdapted(prompt);
  }

  @Test
  void theTokenBeforeTheLastOccurrenceIsTheFirst() {
    assertEquals(4, firstAdapted(List.of(7, 8), 1, 7, 8, 2, 3, 7, 8, 4));
    assertEquals(0, firstAdapted(List.of(7, 8), 1, 7, 8, 2));
    assertEquals(0, firstAdapted(List.of(7, 8), 7, 8, 2));
    assertEquals(1, firstAdapted(List.of(7), 1, 2, 7));
  }

  @Test
  void withoutAnOccurrenceThereIsNone() {
    assertEquals(Invocation.NEVER, firstAdapted(List.of(7, 8), 1, 7, 2, 8));
    assertEquals(Invocation.NEVER, firstAdapted(List.of(7, 8), 8));
  }

  /// The server goes on with the token before a mismatch, without asking whether the mismatch ends
  /// an occurrence itself.
  @Test
  void anOccurrenceWithinAPartialMatchIsOverlooked() {
    assertEquals(Invocation.NEVER, firstAdapted(List.of(7, 8), 1, 7, 8, 8));
    assertEquals(1, firstAdapted(List.of(7, 8), 1, 2, 7, 8, 3, 8));
  }

  @Test
  void aSequenceWithoutItGetsItInItsMiddle() {
    Invocation invocation = new Invocation(List.of(7, 8));
    assertArrayEquals(new int[] {1, 7, 8, 4, 5}, invocation.within(new int[] {1, 2, 3, 4, 5}));
    int[] whole = {7, 8, 1};
    assertSame(whole, invocation.within(whole));
    int[] few = {1};
    assertSame(few, invocation.within(few));
  }
}
