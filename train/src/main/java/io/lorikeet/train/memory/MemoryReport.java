package io.lorikeet.train.memory;

import io.lorikeet.bindings.Backend;
import io.lorikeet.train.event.TrainingEvent;
import java.util.Locale;

/// Compares the memory that a run takes to the plan.
public final class MemoryReport {
  private final MemoryPlan plan;
  private final Backend backend;
  private final long freeBefore;

  /// @param backend the run's, before it takes memory of the device
  public MemoryReport(MemoryPlan plan, Backend backend) {
    this.plan = plan;
    this.backend = backend;
    freeBefore = backend.deviceNow().memoryFree();
  }

  /// The process's peak as the kernel has it, which counts the pages of a mapped base as far as
  /// they were touched; and what the driver of another device has less than before. That device's
  /// memory is kept from the first step on, so it is the peak as well.
  public TrainingEvent atEnd() {
    String process =
        ProcessMemory.now()
            .map(now -> "; its peak was %s".formatted(gigabytes(now.peak())))
            .orElse("");
    String device =
        plan.onHost()
            ? ""
            : "; planned %s on %s, which has %s less free than before"
                .formatted(
                    gigabytes(plan.device()),
                    backend.device().name(),
                    gigabytes(freeBefore - backend.deviceNow().memoryFree()));
    return new TrainingEvent.Note(
        "memory: planned %s for this process%s%s"
            .formatted(gigabytes(plan.process()), process, device));
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.3f GB", bytes / 1e9);
  }
}
