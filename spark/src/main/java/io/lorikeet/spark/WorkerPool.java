package io.lorikeet.spark;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.parallel.GradientJob;
import io.lorikeet.train.parallel.GradientWorker;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/// The workers of this process: one base, mapped once, and as many sets of graphs as tasks run at a
/// time. They belong to one run; those of another are closed when the next run's first task comes.
final class WorkerPool {
  private static final WorkerPool OF_PROCESS = new WorkerPool();

  private final Deque<WorkerThread> free = new ArrayDeque<>();
  private String run = "";
  private @Nullable GgufFile base;
  private int lent;

  private WorkerPool() {}

  static WorkerPool ofProcess() {
    return OF_PROCESS;
  }

  /// Lends a worker that goes home by itself.
  ///
  /// @throws UnusableMachineException when the base isn't the run's, or the device isn't there
  WorkerThread take(String wanted, GradientJob job) throws Exception {
    GgufFile opened;
    synchronized (this) {
      while (!run.equals(wanted)) {
        if (lent > 0) {
          wait();
        } else {
          closeAll();
          run = wanted;
        }
      }
      if (!free.isEmpty()) {
        lent++;
        return free.pop();
      }
      opened = open(job);
      lent++;
    }
    WorkerThread built = new WorkerThread(this::giveBack);
    try {
      built.build(opened, job);
      return built;
    } catch (GgmlException | InvalidInputException e) {
      giveUp(built);
      throw new UnusableMachineException(e);
    } catch (Exception | Error e) {
      giveUp(built);
      throw e;
    }
  }

  private GgufFile open(GradientJob job) throws UnusableMachineException {
    if (base == null) {
      try {
        base = GradientWorker.open(job);
      } catch (IOException | InvalidInputException e) {
        throw new UnusableMachineException(e);
      }
    }
    return base;
  }

  private void giveUp(WorkerThread built) {
    built.close();
    synchronized (this) {
      lent--;
      notifyAll();
    }
  }

  private synchronized void giveBack(WorkerThread worker) {
    lent--;
    free.push(worker);
    notifyAll();
  }

  /// Closes a run's workers, once those that are lent are home. Does nothing where they are another
  /// run's.
  synchronized void close(String owner) throws InterruptedException {
    while (run.equals(owner)) {
      if (lent > 0) {
        wait();
      } else {
        closeAll();
      }
    }
  }

  private void closeAll() {
    free.forEach(WorkerThread::close);
    free.clear();
    if (base != null) {
      base.close();
      base = null;
    }
    run = "";
  }
}
