package io.lorikeet.spark;

import io.lorikeet.train.parallel.MachineException;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A job of Spark's. It may wait for machines that never come, so its caller looks around
/// meanwhile.
final class WatchedJob {
  private static final int MILLIS_BETWEEN = 500;

  private WatchedJob() {}

  /// Runs a job to its end.
  ///
  /// @param job runs on a thread of its own
  /// @param meanwhile runs on this thread, again and again, and once after the job
  /// @throws MachineException when the job fails
  static void run(Runnable job, Runnable meanwhile) {
    CompletableFuture<Void> running =
        CompletableFuture.runAsync(
            job, work -> Thread.ofPlatform().daemon().name("cluster").start(work));
    try {
      while (!isOver(running)) {
        meanwhile.run();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new MachineException("cluster: interrupted", e);
    } finally {
      meanwhile.run();
    }
  }

  private static boolean isOver(CompletableFuture<Void> running) throws InterruptedException {
    try {
      running.get(MILLIS_BETWEEN, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException _) {
      return false;
    } catch (ExecutionException e) {
      throw TaskProblem.of(Objects.requireNonNullElse(e.getCause(), e));
    }
  }
}
