package io.lorikeet.train;

import io.lorikeet.bindings.Backend;
import java.util.Locale;
import java.util.Optional;

/// What a run really took, beside what was planned.
final class MemoryReport {
  private MemoryReport() {}

  /// The peak as the kernel has it. It counts the pages of a mapped base as far as they were
  /// touched.
  ///
  /// @param backend the run's, still open
  static Optional<TrainingEvent> after(MemoryPlan plan, Backend backend) {
    return ProcessMemory.now()
        .map(
            now ->
                new TrainingEvent.Note(
                    String.format(
                        Locale.ROOT,
                        "memory: planned %.3f GB for this process%s; its peak was %.3f GB",
                        plan.process() / 1e9,
                        plan.onHost()
                            ? ""
                            : " and %.3f GB on %s"
                                .formatted(plan.device() / 1e9, backend.device().name()),
                        now.peak() / 1e9)));
  }
}
