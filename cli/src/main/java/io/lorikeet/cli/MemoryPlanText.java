package io.lorikeet.cli;

import io.lorikeet.finetune.MemoryForecast;
import io.lorikeet.models.architecture.SavedActivations;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.memory.MemoryPlan;
import io.lorikeet.train.memory.MemoryPlanner;
import io.lorikeet.train.memory.Placement;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// A plan of memory for people. GB are 10⁹ bytes.
final class MemoryPlanText {
  private static final String ROW = "%-36s %9s %9s %9s";

  private MemoryPlanText() {}

  /// @param name of the base
  static List<String> of(
      String name, GgufFile base, TrainingConfig config, MemoryForecast forecast) {
    MemoryPlan plan = forecast.plan();
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%s: %,d parameters; context %,d, batch size %d, rank %s on %s, on %s",
            name,
            base.parameterCount(),
            config.get(Settings.CONTEXT),
            config.get(Settings.BATCH_SIZE),
            config.get(Settings.RANK),
            String.join(", ", config.get(Settings.TARGET)),
            forecast
                .device()
                .orElse("a GPU (tensors as the CPU's buffers align them, no GPU being asked)")));
    lines.add(ROW.formatted("GB", "device", "host", "mapped"));
    for (MemoryPlan.PlanItem item : plan.items()) {
      lines.add(ROW.formatted(item.what(), gb(item.device()), gb(item.host()), gb(item.mapped())));
    }
    lines.add(ROW.formatted("in all", gb(plan.device()), gb(plan.host()), gb(plan.mapped())));
    if (plan.onHost()) {
      lines.add("of this process, all its pages resident: %s GB".formatted(gb(plan.process())));
    }
    lines.add("free for it on the device: %s GB".formatted(gb(forecast.available())));
    lines.add(layout(plan.placement()));
    lines.add(longest(forecast.longestContext(), ModelConfig.of(base).contextLength()));
    return lines;
  }

  private static String longest(int context, int trained) {
    if (context == 0) {
      return "no context fits";
    }
    String more =
        context == MemoryPlanner.LONGEST_USUAL && trained > context
            ? " (longer ones are looked for with a longer --context)"
            : "";
    return String.format(Locale.ROOT, "longest context that fits: %,d%s", context, more);
  }

  private static String layout(Placement placement) {
    return String.format(
        Locale.ROOT,
        "layout: %slayers' inputs%s: %s; moments: %s; attention by %d queries, feed-forward by %d"
            + " tokens, head by %d",
        placement.streamed()
            ? "layers streamed, %s batches through each; ".formatted(placement.passes())
            : "",
        saved(placement.savedActivations()),
        placement.savedInputs().name().toLowerCase(Locale.ROOT).replace('_', ' '),
        placement.optimizerState().name().toLowerCase(Locale.ROOT),
        placement.shape().attentionBlock(),
        placement.shape().tile(),
        placement.shape().headChunk());
  }

  private static String saved(SavedActivations saved) {
    return switch (saved) {
      case NONE -> "";
      case ATTENTION -> " and attention";
      case PROJECTIONS -> ", attention and projections";
    };
  }

  private static String gb(long bytes) {
    return bytes == 0 ? "-" : String.format(Locale.ROOT, "%.3f", bytes / 1e9);
  }
}
