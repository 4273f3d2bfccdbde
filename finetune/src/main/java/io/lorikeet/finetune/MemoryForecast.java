package io.lorikeet.finetune;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.memory.MemoryPlan;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.util.Optional;
import java.util.OptionalLong;

/// The memory that a run will need, told before it starts.
///
/// @param plan the plan of most speed that fits, or else the one of least memory
/// @param fits whether it fits
/// @param available bytes there are in the device's memory
/// @param longestContext tokens of the longest context that fits, 0 for none
/// @param device the device's name; empty for a GPU that needn't be here
/// @param hostLimit the bound of the host's memory, where there is one
/// @param advice settings that need less; empty where the plan fits
public record MemoryForecast(
    MemoryPlan plan,
    boolean fits,
    long available,
    int longestContext,
    Optional<String> device,
    Optional<String> hostLimit,
    Optional<String> advice) {

  /// Plans a run. Nothing is computed, and of the base's file only the head is read.
  ///
  /// @param gpuMemory free bytes of a GPU that needn't be here; empty for the run's own device
  /// @throws InvalidInputException when there is no such device, or the base can't be trained
  public static MemoryForecast of(GgufFile base, TrainingConfig config, OptionalLong gpuMemory) {
    try (Backend backend = open(config, gpuMemory)) {
      MemoryPlanner planner = new MemoryPlanner(base, config, backend);
      long available =
          gpuMemory.isEmpty()
              ? planner.available()
              : Math.min(
                  gpuMemory.getAsLong(),
                  config.find(Settings.DEVICE_MEMORY).orElse(Long.MAX_VALUE));
      Optional<MemoryPlan> fitting = planner.fitting(config.get(Settings.CONTEXT), available);
      MemoryPlan plan = fitting.orElseGet(() -> planner.smallest(config.get(Settings.CONTEXT)));
      int longest = planner.longestContext(available);
      return new MemoryForecast(
          plan,
          fitting.isPresent(),
          available,
          longest,
          gpuMemory.isEmpty() ? Optional.of(backend.device().name()) : Optional.empty(),
          planner.limit().filter(_ -> gpuMemory.isEmpty()),
          fitting.isPresent()
              ? Optional.empty()
              : Optional.of(planner.advice(plan, longest, available)));
    }
  }

  private static Backend open(TrainingConfig config, OptionalLong gpuMemory) {
    try {
      return gpuMemory.isEmpty()
          ? Backend.planning(config.get(Settings.DEVICE), config.get(Settings.THREADS))
          : Backend.planningGpu(config.get(Settings.THREADS));
    } catch (GgmlException e) {
      throw new InvalidInputException("--device: " + e.getMessage(), e);
    }
  }
}
