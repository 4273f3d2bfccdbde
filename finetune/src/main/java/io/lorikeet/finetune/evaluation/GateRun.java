package io.lorikeet.finetune.evaluation;

import io.lorikeet.finetune.evaluation.EvaluationTask.TaskItem;
import io.lorikeet.finetune.evaluation.TaskResult.AnswerPair;
import io.lorikeet.finetune.evaluation.TaskResult.Scored;
import io.lorikeet.finetune.scoring.Question;
import io.lorikeet.finetune.scoring.Scorer;
import io.lorikeet.finetune.scoring.ScorerChoice;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.NeutralTexts;
import io.lorikeet.train.data.files.FileHash;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingEvent.Check;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/// Holds an adapter, or a merged file, against a gate.
public final class GateRun {
  private final Gate gate;
  private final Evaluation evaluation;
  private final Consumer<String> progress;
  private final List<Scorer> scorers = new ArrayList<>();
  private final List<Check> checks = new ArrayList<>();

  private GateRun(Gate gate, Evaluation evaluation, Consumer<String> progress) {
    this.gate = gate;
    this.evaluation = evaluation;
    this.progress = progress;
  }

  /// The files that a gate reads, itself and the base's neutral texts among them.
  ///
  /// @throws InvalidInputException when the gate can't be used
  public static List<Path> inputs(Path file) throws IOException {
    return GateFile.read(file).inputs();
  }

  /// A hash of a gate and of the files that it names. The base's neutral texts are left out, since
  /// they follow from base and seed.
  ///
  /// @throws InvalidInputException when the gate can't be used
  public static String hash(Path file) throws IOException {
    Gate gate = GateFile.read(file);
    StringBuilder hashes = new StringBuilder();
    for (Path input : gate.inputs()) {
      if (!input.equals(gate.neutralFile())) {
        hashes.append(HexFormat.of().formatHex(FileHash.of(input).sum())).append('\n');
      }
    }
    return hashes.toString();
  }

  /// Reads a gate and applies it.
  ///
  /// @param file the gate's
  /// @param models the files to compare; its tokens and its seed are the gate's to give
  /// @throws InvalidInputException when the gate, or a file, can't be used
  public static GateVerdict of(Path file, Evaluation models, Consumer<String> progress)
      throws IOException {
    Gate gate = GateFile.read(file);
    GateRun run = new GateRun(gate, models.with(gate.tokens(), gate.seed()), progress);
    try {
      return run.verdict();
    } finally {
      run.scorers.forEach(Scorer::close);
    }
  }

  /// Checks a gate, and the files that it names, before there is anything to judge.
  ///
  /// @param models the base
  /// @throws InvalidInputException when one can't be used
  public static void check(Path file, Evaluation models) throws IOException {
    GateRun run = new GateRun(GateFile.read(file), models, _ -> {});
    try {
      run.tasks(models.hasTemplate());
    } finally {
      run.scorers.forEach(Scorer::close);
    }
  }

  /// The tasks of the gate's own files.
  ///
  /// @param chats whether there is a chat template
  private List<EvaluationTask> tasks(boolean chats) throws IOException {
    if (gate.toolCalls().isPresent() && !chats) {
      throw new InvalidInputException(
          "%s: tool-calls: %s has no chat template, so it can't be told of tools"
              .formatted(gate.file(), evaluation.base()));
    }
    List<EvaluationTask> tasks = new ArrayList<>();
    for (Gate.Rule rule : gate.improve()) {
      tasks.add(task(rule));
    }
    for (Gate.Rule rule : gate.keep()) {
      tasks.add(task(rule));
    }
    return tasks;
  }

  private GateVerdict verdict() throws IOException {
    if (!evaluation.compares()) {
      throw new InvalidInputException("a gate compares: give --adapter or --merged");
    }
    boolean chats = evaluation.hasTemplate();
    List<EvaluationTask> tasks = tasks(chats);
    int asked = tasks.size();
    gate.json().ifPresent(_ -> tasks.add(FormatQuestions.json(chats)));
    gate.toolCalls().ifPresent(_ -> tasks.add(FormatQuestions.toolCalls()));
    List<String> neutral =
        gate.needsNeutralTexts()
            ? NeutralTexts.of(
                evaluation.base(),
                gate.neutralFile(),
                gate.seed(),
                evaluation.threads(),
                this::tell)
            : List.of();
    if (!neutral.isEmpty()) {
      tasks.add(neutralTask(neutral));
    }
    List<TaskResult> results = evaluation.run(tasks, progress);
    int next = 0;
    for (Gate.Rule _ : gate.improve()) {
      improved(results.get(next++));
    }
    for (Gate.Rule rule : gate.keep()) {
      kept(results.get(next++), rule.margin());
    }
    if (gate.json().isPresent()) {
      kept(results.get(next++), gate.json().get());
    }
    if (gate.toolCalls().isPresent()) {
      kept(results.get(next++), gate.toolCalls().get());
    }
    if (!neutral.isEmpty()) {
      habits(results.get(next));
    }
    if (gate.divergence().isPresent()) {
      double divergence = evaluation.divergence(neutral, progress);
      check(
          "divergence from the base",
          "at most %.4g nats a token",
          gate.divergence().get(),
          "%.4g",
          divergence,
          divergence <= gate.divergence().get());
    }
    return new GateVerdict(checks, results.subList(0, asked));
  }

  private void tell(TrainingEvent event) {
    if (event instanceof TrainingEvent.Progress(String task, long done, long total)) {
      progress.accept(task + ": " + done + " of " + total);
    }
  }

  private EvaluationTask task(Gate.Rule rule) throws IOException {
    Optional<Scorer> scorer = Optional.empty();
    if (rule.scorer().isPresent()) {
      scorer = Optional.of(ScorerChoice.named(rule.scorer().get()));
      scorers.add(scorer.get());
    }
    boolean calls = rule.scorer().equals(Optional.of(ScorerChoice.TOOL_CALL));
    return EvaluationTask.read(rule.tasks(), scorer, calls);
  }

  /// The first halves of neutral texts, to be gone on with.
  private static EvaluationTask neutralTask(List<String> texts) {
    List<TaskItem> items = new ArrayList<>();
    for (String text : texts) {
      int half = text.offsetByCodePoints(0, (text.codePointCount(0, text.length()) + 1) / 2);
      Question question =
          new Question(
              "neutral " + (items.size() + 1),
              text.substring(0, half),
              Optional.empty(),
              "",
              List.of());
      items.add(new TaskItem(question, ScorerChoice.json())); // the score isn't used
    }
    return new EvaluationTask("neutral texts", items);
  }

  private void improved(TaskResult result) {
    PairedDifference difference = result.difference();
    checks.add(
        new Check(
            result.name(),
            "better, with its interval above 0",
            "%s, from %s to %s, interval %s to %s"
                .formatted(
                    points(difference.mean()),
                    score(result.scoreBefore()),
                    score(result.scoreAfter()),
                    points(difference.lower()),
                    points(difference.upper())),
            difference.lower() > 0));
  }

  private void kept(TaskResult result, double margin) {
    double fall = result.scoreBefore() - result.scoreAfter();
    checks.add(
        new Check(
            result.name(),
            String.format(Locale.ROOT, "at most %.1f points worse", 100 * margin),
            "%s, from %s to %s"
                .formatted(points(-fall), score(result.scoreBefore()), score(result.scoreAfter())),
            isWithin(fall, margin)));
  }

  /// Whether a fall is no more than a margin, but for the rounding of both: 100 % to 95 % is within
  /// 0.05.
  static boolean isWithin(double fall, double margin) {
    return fall <= margin + 1e-9;
  }

  private void habits(TaskResult result) throws IOException {
    List<String> before = texts(result, AnswerPair::before);
    List<String> after = texts(result, AnswerPair::after);
    if (gate.length().isPresent()) {
      double most = gate.length().get();
      double ratio =
          (1 + tokens(result, AnswerPair::after)) / (1 + tokens(result, AnswerPair::before));
      check(
          "length of answers",
          "at most %.2f times longer or shorter",
          most,
          "%.2f times",
          ratio,
          ratio <= most && ratio >= 1 / most);
    }
    if (gate.repetition().isPresent()) {
      double grown = AnswerHabits.repetition(after) - AnswerHabits.repetition(before);
      grows("repeated words", grown, gate.repetition().get());
    }
    if (gate.echo().isPresent()) {
      List<Double> shares = AnswerHabits.echo(List.of(before, after), gate.echo().get().data());
      grows("echo of training lines", shares.get(1) - shares.get(0), gate.echo().get().margin());
    }
  }

  private void grows(String name, double grown, double margin) {
    check(
        name,
        "at most %.1f points more",
        100 * margin,
        "%+.1f points",
        100 * grown,
        grown <= margin);
  }

  private void check(
      String name, String required, double limit, String measured, double found, boolean passed) {
    checks.add(
        new Check(
            name,
            String.format(Locale.ROOT, required, limit),
            String.format(Locale.ROOT, measured, found),
            passed));
  }

  private static List<String> texts(TaskResult result, Function<AnswerPair, Scored> which) {
    return result.outcomes().stream().map(which).map(scored -> scored.answer().text()).toList();
  }

  /// Mean tokens of an answer.
  private static double tokens(TaskResult result, Function<AnswerPair, Scored> which) {
    return result.outcomes().stream()
        .map(which)
        .mapToInt(scored -> scored.answer().tokens())
        .average()
        .orElseThrow();
  }

  private static String score(double share) {
    return String.format(Locale.ROOT, "%.1f", 100 * share);
  }

  private static String points(double share) {
    return String.format(Locale.ROOT, "%+.1f points", 100 * share + 0.0);
  }
}
