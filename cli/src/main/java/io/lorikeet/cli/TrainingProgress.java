package io.lorikeet.cli;

import io.lorikeet.finetune.text.Words;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.memory.ProcessMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Shows a training run: on a terminal a block of lines that is written over at each step, or one
/// line where there is no room for that; elsewhere a line now and then.
final class TrainingProgress implements TrainingListener {
  /// Without a terminal, a line after each twentieth of the steps.
  private static final int LINES = 20;

  /// Weight of the newest step in the time that a step is expected to take.
  private static final double RECENT = 0.1;

  private final ProgressLine line;
  private final Supplier<Optional<ProcessMemory>> memory;
  private double secondsPerStep;
  private Map<String, Double> lastFigures = Map.of(); // of a validation
  private @Nullable TrainingBlock block;

  TrainingProgress(ProgressLine line) {
    this(line, ProcessMemory::now);
  }

  /// @param memory of this process, as it is when asked
  TrainingProgress(ProgressLine line, Supplier<Optional<ProcessMemory>> memory) {
    this.line = line;
    this.memory = memory;
  }

  /// Shows a run that is one of many, on one line: its notes, and the step it is at.
  static TrainingListener ofOneOfMany(ProgressLine line) {
    return event -> {
      switch (event) {
        case TrainingEvent.Note(String text) -> line.println(text);
        case TrainingEvent.Warning(String text) -> line.sentence("warning: " + text);
        case TrainingEvent.StepDone step ->
            line.update(
                "step %s/%s".formatted(step.step(), step.steps()),
                "loss " + Words.loss(step.loss()));
        default -> {}
      }
    };
  }

  @Override
  public void on(TrainingEvent event) {
    switch (event) {
      case TrainingEvent.Note(String text) -> line.sentence(text);
      case TrainingEvent.Warning(String text) -> line.sentence("warning: " + text);
      case TrainingEvent.Progress(String task, long done, long total) ->
          progress(task + ": " + Words.percent(total == 0 ? 1 : (double) done / total));
      case TrainingEvent.Started started -> begin(started);
      case TrainingEvent.StepDone step -> step(step);
      case TrainingEvent.StepSkipped skipped ->
          line.sentence(
              "warning: "
                  + skipped.message()
                  + (skipped.rolledBackTo().isPresent()
                      ? "; back to the state of step " + skipped.rolledBackTo().getAsInt()
                      : ""));
      case TrainingEvent.Evaluated evaluated -> evaluated(evaluated);
      case TrainingEvent.Judging(String work) -> progress("gate: " + work);
      case TrainingEvent.Judged judged -> judged(judged);
      case TrainingEvent.Sampled sampled ->
          line.sentence(
              "%s: %s tokens of answers to samples in %s"
                  .formatted(
                      when(sampled.step()),
                      Words.count(sampled.tokens()),
                      Words.duration(sampled.seconds())));
      case TrainingEvent.ChatsRead _ -> {}
      case TrainingEvent.Trained _ -> end();
      case TrainingEvent.AdapterSaved(var file) -> line.println("adapter: " + file);
      case TrainingEvent.BestSaved(var file, int step, double loss) ->
          line.sentence(
              "best adapter, after step %s with a validation loss of %s: %s"
                  .formatted(step, loss(loss, lastFigures), file));
      case TrainingEvent.Proving _ -> line.update("verifying");
    }
  }

  private void judged(TrainingEvent.Judged judged) {
    line.println(
        "gate after step %s: %s"
            .formatted(judged.step(), judged.passes() ? "passes" : "doesn't pass"));
    for (TrainingEvent.Check check : judged.checks()) {
      if (!check.passed()) {
        line.sentence("  %s: %s (%s)".formatted(check.name(), check.measured(), check.required()));
      }
    }
  }

  private static String when(int step) {
    return step == 0 ? "before training" : "after step " + step;
  }

  private void begin(TrainingEvent.Started started) {
    line.sentence(started(started));
    if (started.done() < started.steps()) {
      block = new TrainingBlock(started, memory);
      show();
    }
  }

  /// Takes the block away.
  void end() {
    block = null;
    line.clear();
  }

  /// @return whether there is a block, and room for it
  private boolean show() {
    if (block == null || !line.hasBlock()) {
      return false;
    }
    line.update(block::lines);
    return true;
  }

  private void progress(String text) {
    if (block != null) {
      block.task(text);
    }
    if (!show()) {
      line.update(text);
    }
  }

  private void evaluated(TrainingEvent.Evaluated evaluated) {
    if (block != null) {
      block.validated(evaluated);
    }
    lastFigures = evaluated.figures();
    line.sentence(
        when(evaluated.step())
            + ": validation loss "
            + loss(evaluated.loss(), evaluated.figures())
            + preferences(evaluated.figures()).stream()
                .map(part -> ", " + part)
                .collect(Collectors.joining()));
  }

  private static String started(TrainingEvent.Started started) {
    if (started.done() >= started.steps()) {
      return "nothing is left to train: all %s steps were taken"
          .formatted(Words.count(started.steps()));
    }
    double share = (double) started.trainableParameters() / started.totalParameters();
    return "training %s of %s parameters (%s) in %s steps%s"
        .formatted(
            Words.count(started.trainableParameters()),
            Words.count(started.totalParameters()),
            Words.percent(share),
            Words.count(started.steps()),
            started.done() == 0 ? "" : ", going on after step " + Words.count(started.done()));
  }

  private void step(TrainingEvent.StepDone step) {
    secondsPerStep +=
        secondsPerStep == 0 ? step.seconds() : RECENT * (step.seconds() - secondsPerStep);
    String left = Words.duration(secondsPerStep * (step.steps() - step.step()));
    if (block != null) {
      block.step(step, left);
    }
    List<String> parts = new ArrayList<>();
    parts.add("step %s/%s".formatted(step.step(), step.steps()));
    parts.add(
        String.format(Locale.ROOT, "loss %.4f", step.loss())
            + (step.divergence().isPresent()
                ? String.format(Locale.ROOT, ", KL %.4f", step.divergence().getAsDouble())
                : ""));
    parts.addAll(preferences(step.figures()));
    parts.add(left + " left");
    parts.add(String.format(Locale.ROOT, "%,.0f tokens/s", step.tokensPerSecond()));
    boolean last = step.step() == step.steps();
    boolean due = last || step.step() == 1 || reachesTwentieth(step);
    if (last) {
      end();
      line.println(String.join("  ", parts));
    } else if (due && !line.isTerminal()) {
      line.println(String.join("  ", parts));
    } else if (!show()) {
      line.update(parts.toArray(String[]::new));
    }
  }

  /// A loss of preferences is nothing that a perplexity follows from.
  private static String loss(double loss, Map<String, Double> figures) {
    return preferences(figures).isEmpty()
        ? Words.loss(loss)
        : String.format(Locale.ROOT, "%.4f", loss);
  }

  /// By how much the better answers' rewards are higher, and how often; or how often passages are
  /// found.
  static List<String> preferences(Map<String, Double> figures) {
    List<String> parts = new ArrayList<>();
    Double margin = figures.get("reward_margin");
    if (margin != null) {
      parts.add(String.format(Locale.ROOT, "margin %.3f", margin));
    }
    Double accuracy = figures.get("reward_accuracy");
    if (accuracy != null) {
      parts.add(String.format(Locale.ROOT, "right %.0f %%", 100 * accuracy));
    }
    Double recall = figures.get("recall_at_1");
    if (recall != null) {
      parts.add(String.format(Locale.ROOT, "recall@1 %.1f %%", 100 * recall));
      parts.add(String.format(Locale.ROOT, "MRR %.3f", figures.get("mrr")));
    }
    return parts;
  }

  private static boolean reachesTwentieth(TrainingEvent.StepDone step) {
    long before = (step.step() - 1L) * LINES / step.steps();
    return step.step() * (long) LINES / step.steps() > before;
  }
}
