package io.lorikeet.train.loop;

import io.lorikeet.bindings.Backend;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Notes for the user on a run's settings before it begins: their values, and where they don't fit
/// the data.
final class Advice {
  /// Steps below which a run has hardly a learning rate schedule.
  private static final int FEW_STEPS = 20;

  private static final double HIGH_RATE = 0.1;

  private Advice() {}

  /// The settings that were decided, in a line.
  ///
  /// @param config with `accumulate` decided
  static String summary(TrainingConfig config, Backend backend) {
    return String.format(
        Locale.ROOT,
        "steps of up to %,d tokens (context %,d, batch size %d, accumulate %d); learning rate %s,"
            + " %s; rank %s, alpha %s on %s; %s; settings and metrics in %s",
        stepTokens(config),
        config.get(Settings.CONTEXT),
        config.get(Settings.BATCH_SIZE),
        config.get(Settings.ACCUMULATE),
        plain(config.get(Settings.LEARNING_RATE)),
        config.get(Settings.SCHEDULE).name().toLowerCase(Locale.ROOT),
        config.get(Settings.RANK),
        plain(config.get(Settings.ALPHA)),
        String.join(", ", config.get(Settings.TARGET)),
        backend.isCpu() ? "cpu, threads " + backend.threads() : backend.device().name(),
        config.get(Settings.RUN));
  }

  /// A number without needless zeros, and without an exponent unless it is very large or small.
  private static String plain(double value) {
    BigDecimal decimal = BigDecimal.valueOf(value).stripTrailingZeros();
    return Math.abs(decimal.scale()) < 10 ? decimal.toPlainString() : decimal.toString();
  }

  /// Warns of settings that don't fit the data.
  ///
  /// @param config with `accumulate` decided
  /// @param parameters of the adapter
  /// @param validates whether there are examples to measure on
  static void give(
      TrainingConfig config,
      DataSet data,
      long parameters,
      boolean validates,
      TrainingListener listener) {
    List<String> advice = new ArrayList<>();
    if (parameters < data.targets()) {
      advice.add(
          String.format(
              Locale.ROOT,
              "the adapter has %,d parameters for %,d trained tokens: it may be too small to take"
                  + " in the data; consider a higher --rank",
              parameters,
              data.targets()));
    }
    int steps = config.stepsFor(data.rows().size());
    if (config.find(Settings.STEPS).isEmpty() && steps < FEW_STEPS) {
      advice.add(
          "the run has few steps (%s): consider %smore --epochs"
              .formatted(
                  steps, config.get(Settings.ACCUMULATE) > 1 ? "a smaller --accumulate, or " : ""));
    }
    if (config.get(Settings.LEARNING_RATE) > HIGH_RATE) {
      advice.add(
          "the learning rate of %s is far above what LoRA is trained with, 1e-5 to 1e-2"
              .formatted(config.get(Settings.LEARNING_RATE)));
    }
    if (config.find(Settings.EVALUATE_EVERY).isPresent()
        && !validates
        && config.get(Settings.SAMPLE).isEmpty()) {
      advice.add("--evaluate-every does nothing here: there are neither --validation nor --sample");
    }
    boolean compares = Method.CONTRASTIVE.isOf(config);
    if (!compares && stepTokens(config) > 4L * TrainingConfig.DEFAULT_STEP_TOKENS) {
      advice.add(
          String.format(
              Locale.ROOT,
              "a step has up to %,d tokens: LoRA learns worse from very large batches; %,d are a"
                  + " usual limit",
              stepTokens(config),
              TrainingConfig.DEFAULT_STEP_TOKENS));
    }
    advice.forEach(text -> listener.on(new TrainingEvent.Warning(text)));
  }

  private static long stepTokens(TrainingConfig config) {
    return (long) config.get(Settings.BATCH_SIZE)
        * config.get(Settings.CONTEXT)
        * config.get(Settings.ACCUMULATE);
  }
}
