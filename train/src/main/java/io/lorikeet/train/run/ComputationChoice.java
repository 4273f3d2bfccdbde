package io.lorikeet.train.run;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.ProductFormat;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.memory.MemoryPlan;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/// Chooses where and how a run computes. A new run gets the fastest way that fits. A resumed run
/// keeps its own; where that isn't possible it gets another, with a warning.
@Beta
public final class ComputationChoice {
  private final TrainingConfig config;
  private final Optional<Computation> before;
  private final boolean sends;
  private final TrainingListener listener;

  /// Opens a device, see [Backend#open].
  @FunctionalInterface
  public interface Devices {
    Backend open(String name, int threads, Optional<ProductFormat> products);
  }

  /// @param before how the run computed, if it goes on
  /// @param sends whether other machines compute the micro-batches
  public ComputationChoice(
      TrainingConfig config,
      Optional<Computation> before,
      boolean sends,
      TrainingListener listener) {
    this.config = config;
    this.before = before;
    this.sends = sends;
    this.listener = listener;
  }

  /// @throws InvalidInputException when there is no such device, or it can't do what is asked for
  public Backend open(Devices devices) {
    Backend backend;
    try {
      backend = devices.open(device(), config.get(Settings.THREADS), products());
    } catch (GgmlException e) {
      throw new InvalidInputException("device: " + e.getMessage(), e);
    }
    if (config.get(Settings.PRECISION) == Precision.F32 && !backend.traits().keepsF32Products()) {
      backend.close();
      throw new InvalidInputException(
          ("precision: %s rounds factors to F16 unless the environment variable"
                  + " GGML_VK_DISABLE_F16 is set; set it to 1, or take precision auto")
              .formatted(backend.device().name()));
    }
    return backend;
  }

  /// Only with precision auto something else than ggml multiplies large matrices.
  private Optional<ProductFormat> products() {
    return config.get(Settings.PRECISION) == Precision.AUTO
        ? before.map(Computation::products)
        : Optional.of(ProductFormat.GGML);
  }

  /// The best device is the one that the run has had, as long as that is there.
  private String device() {
    return before
        .map(Computation::device)
        .filter(_ -> config.get(Settings.DEVICE).equalsIgnoreCase("auto"))
        .filter(had -> Backend.devices().stream().anyMatch(device -> device.name().equals(had)))
        .orElse(config.get(Settings.DEVICE));
  }

  /// Lays the run out in memory, before anything takes long, and says what is no longer as it was.
  ///
  /// @param backend the open device
  /// @param adapter makes the parameters on a backend
  /// @throws InvalidInputException when it doesn't fit in any way, with what would
  public MemoryPlan plan(
      GgufFile base, Backend backend, Function<Backend, LoraParameters> adapter) {
    String device = backend.device().name();
    try (Backend planning =
        Backend.planning(
            device, config.get(Settings.THREADS), Optional.of(backend.productFormat()))) {
      MemoryPlanner planner = new MemoryPlanner(base, config, planning, adapter);
      if (sends) {
        planner.sending();
      }
      long available = planner.available();
      Optional<MemoryPlan> had =
          before
              .filter(computation -> computation.device().equals(device))
              .map(computation -> planner.plan(computation.placement()));
      MemoryPlan plan =
          had.flatMap(earlier -> planner.alike(earlier, available))
              .or(() -> planner.fitting(config.get(Settings.CONTEXT), available))
              .orElseThrow(() -> new InvalidInputException(planner.advice(available)));
      before
          .map(Computation.of(backend, plan.placement())::changesSince)
          .filter(changes -> !changes.isEmpty())
          .ifPresent(changes -> warn(changes, had, planner, available));
      return plan;
    }
  }

  private void warn(
      List<String> changes, Optional<MemoryPlan> had, MemoryPlanner planner, long available) {
    String memory =
        had.filter(earlier -> !planner.fits(earlier, available))
            .map(
                earlier ->
                    String.format(
                        Locale.ROOT,
                        ". Its layout in memory took %.3f GB, and there are %.3f GB",
                        planner.needed(earlier) / 1e9,
                        available / 1e9))
            .orElse("");
    listener.on(
        new TrainingEvent.Warning(
            "the run goes on, but not as it was computed before (%s), so its end may differ by rounding from that of an uninterrupted run%s"
                .formatted(String.join("; ", changes), memory)));
  }
}
