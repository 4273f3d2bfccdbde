package io.lorikeet.cli;

import io.lorikeet.finetune.report.RunningLoss;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.memory.ProcessMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A run as a block of lines that is written over at each step.
///
/// ```
/// step 68/150  ██████████████████░░░░░░░░░░░░░░░░░░░░░░  45.3 %  1m 22s left
/// loss 0.4321 ↓ falling  validation 0.5012 after step 50
/// epoch 0.18  1,006 tokens/s  memory 268 MiB
/// ```
final class TrainingBlock {
  private static final String DONE = "█";
  private static final String LEFT = "░";

  /// Wider terminals can be made narrower without breaking the lines.
  private static final int MOST_COLUMNS = 79;

  private final Supplier<Optional<ProcessMemory>> memory;
  private final RunningLoss loss;
  private final int steps;
  private int done;
  private String left = "";
  private TrainingEvent.@Nullable StepDone last;
  private TrainingEvent.@Nullable Evaluated validated;
  private String task = "";

  /// @param memory of this process, as it is when asked
  TrainingBlock(TrainingEvent.Started run, Supplier<Optional<ProcessMemory>> memory) {
    this.memory = memory;
    steps = run.steps();
    done = run.done();
    loss = new RunningLoss(steps);
  }

  /// @param timeLeft in words
  void step(TrainingEvent.StepDone step, String timeLeft) {
    last = step;
    done = step.step();
    left = timeLeft;
    task = "";
    loss.add(step.loss());
  }

  void validated(TrainingEvent.Evaluated validation) {
    validated = validation;
    task = "";
  }

  /// Other work between the steps.
  ///
  /// @param text the work and how far it is
  void task(String text) {
    task = text;
  }

  /// As many figures as fit into a width, the most important first.
  List<String> lines(int room) {
    int width = Math.min(room, MOST_COLUMNS);
    List<String> lines = new ArrayList<>(List.of(bar(width)));
    if (last != null) {
      lines.add(ProgressLine.fitting(width, losses(last).toArray(String[]::new)));
      lines.add(ProgressLine.fitting(width, work(last).toArray(String[]::new)));
    }
    if (!task.isEmpty()) {
      lines.add(task);
    }
    return lines;
  }

  private String bar(int width) {
    double share = (double) done / steps;
    String before = "step %s/%s  ".formatted(done, steps);
    String after = "  " + Words.percent(share) + (left.isEmpty() ? "" : "  " + left + " left");
    int room = Math.max(0, width - before.length() - after.length());
    int full = (int) (share * room);
    return before + DONE.repeat(full) + LEFT.repeat(room - full) + after;
  }

  private List<String> losses(TrainingEvent.StepDone step) {
    List<String> parts = new ArrayList<>();
    parts.add("loss " + number(loss.smoothed()) + trend());
    if (validated != null) {
      String when = validated.step() == 0 ? " before" : " after step " + validated.step();
      parts.add("validation " + number(validated.loss()) + when);
    }
    parts.addAll(TrainingProgress.preferences(step.figures()));
    step.divergence().ifPresent(kl -> parts.add("KL " + number(kl)));
    parts.add("this step " + number(step.loss()));
    return parts;
  }

  private String trend() {
    return switch (loss.trend()) {
      case UNKNOWN -> "";
      case FALLING -> " ↓ falling";
      case LEVEL -> " → level";
      case RISING -> " ↑ rising";
    };
  }

  private List<String> work(TrainingEvent.StepDone step) {
    List<String> parts = new ArrayList<>();
    parts.add(String.format(Locale.ROOT, "epoch %.2f", step.epoch()));
    parts.add(String.format(Locale.ROOT, "%,.0f tokens/s", step.tokensPerSecond()));
    memory.get().ifPresent(now -> parts.add("memory " + Words.bytes(now.resident())));
    parts.add(String.format(Locale.ROOT, "learning rate %.3g", step.learningRate()));
    return parts;
  }

  private static String number(double loss) {
    return String.format(Locale.ROOT, "%.4f", loss);
  }
}
