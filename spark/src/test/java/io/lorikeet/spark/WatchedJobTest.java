package io.lorikeet.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.train.parallel.MachineException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class WatchedJobTest {
  @Test
  void theCallersThreadLooksAroundWhileAJobWaits() {
    CountDownLatch seen = new CountDownLatch(2);
    List<Thread> threads = new ArrayList<>();
    List<String> order = new ArrayList<>();
    WatchedJob.run(
        () -> {
          awaitUninterrupted(seen);
          order.add("job");
        },
        () -> {
          threads.add(Thread.currentThread());
          order.add("look");
          seen.countDown();
        });
    assertTrue(threads.stream().allMatch(Thread.currentThread()::equals));
    assertEquals("look", order.getLast(), "results that came last are taken, too");
    assertTrue(order.indexOf("job") >= 2, order::toString);
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aFailureNamesTheMachine() {
    Runnable job =
        () -> {
          throw new IllegalStateException(
              "Job aborted due to stage failure: Task 0 in stage 5.0 failed 8 times, most recent failure: Lost task 0.7 in stage 5.0 (TID 12) (10.0.0.2 executor 3): java.io.IOException: No space left on device\n\tat ...");
        };
    assertEquals(
        "cluster: 10.0.0.2, executor 3, failed again and again: java.io.IOException: No space left on device",
        assertThrows(MachineException.class, () -> WatchedJob.run(job, () -> {})).getMessage());
  }
}
