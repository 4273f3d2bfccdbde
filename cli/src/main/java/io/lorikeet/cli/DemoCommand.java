package io.lorikeet.cli;

import io.lorikeet.finetune.FineTuned;
import io.lorikeet.finetune.evaluation.Evaluation;
import io.lorikeet.finetune.evaluation.EvaluationTask;
import io.lorikeet.finetune.evaluation.TaskResult;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/// `lorikeet demo`: the whole way with the files in `demo/` of the checkout or distribution.
@Command(
    name = "demo",
    description = {
      "Teach a tiny 4-bit base something new, on what comes with Lorikeet.",
      "Trains, verifies, and answers held-out questions in llama.cpp before and after.",
      "Writes to the folder runs/demo."
    })
final class DemoCommand implements Callable<Integer> {
  private static final int SHOWN_ANSWERS = 5;
  private static final int LONGEST_ANSWER = 32; // tokens

  @ParentCommand private Main main;
  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    ProgressLine line = ProgressLine.of(spec);
    Path home = shortest(Path.of(System.getProperty("lorikeet.home", "")));
    Path files = files(home);
    Path run = freshFolder(shortest(Path.of(System.getProperty("user.dir"), "runs")));

    Path base = files.resolve("base.gguf");
    TrainingConfig config = config(files, base, run);
    FineTuned trained = new TrainingSession(line, main.interruption()).run(config, false);

    Path adapter = config.get(Settings.OUTPUT);
    TaskResult result =
        new Evaluation(
                base,
                Optional.of(adapter),
                Optional.empty(),
                Optional.empty(),
                LONGEST_ANSWER,
                config.get(Settings.THREADS),
                config.get(Settings.SEED))
            .run(List.of(questions(files)), line::update)
            .getFirst();
    line.println("questions it never saw, answered exactly right in llama.cpp:");
    line.println("  base alone:   " + share(result, result.scoreBefore()));
    line.println("  with adapter: " + share(result, result.scoreAfter()));
    line.println("  %-18s%-12s%-12s%s".formatted("question", "base", "adapter", "right"));
    List<TaskResult.AnswerPair> shown = result.outcomes();
    for (TaskResult.AnswerPair outcome : shown.subList(0, Math.min(SHOWN_ANSWERS, shown.size()))) {
      line.println(
          "  %-18s%-12s%-12s%s"
              .formatted(
                  outcome.question().prompt(),
                  outcome.before().answer().text().strip(),
                  outcome.after().answer().text().strip(),
                  outcome.question().reference().strip()));
    }
    line.println("Everything is in " + run + ". Try it yourself:");
    line.println(
        "  %s generate --model %s --adapter %s --temperature 0 --prompt %s"
            .formatted(
                ShellText.program(),
                ShellText.quoted(base),
                ShellText.quoted(adapter),
                ShellText.quoted(shown.getFirst().question().prompt())));
    return ProofExitCode.exitCode(trained.verification().orElseThrow().verdict());
  }

  private static EvaluationTask questions(Path files) throws IOException {
    Path file = files.resolve("data").resolve("test.jsonl");
    return EvaluationTask.read(file, Optional.empty(), false);
  }

  /// `12 of 200 (6.0 %)`.
  private static String share(TaskResult result, double score) {
    int questions = result.outcomes().size();
    return "%s of %s (%s)"
        .formatted(Math.round(score * questions), questions, Words.percent(score));
  }

  /// Relative to the working folder, if it lies in there: for what is printed.
  private static Path shortest(Path folder) {
    Path working = Path.of("").toAbsolutePath();
    Path absolute = folder.toAbsolutePath();
    return absolute.startsWith(working) ? working.relativize(absolute) : absolute;
  }

  private static Path files(Path home) {
    Path files = home.resolve("demo");
    if (!Files.isRegularFile(files.resolve("base.gguf"))) {
      throw new InvalidInputException(
          "there is no "
              + files.resolve("base.gguf")
              + "; start the lorikeet of a checkout or a downloaded archive");
    }
    return files;
  }

  /// `demo` in this folder, or `demo-2`, … where an earlier one is there.
  private static Path freshFolder(Path folder) throws IOException {
    Files.createDirectories(folder);
    Path fresh = folder.resolve("demo");
    for (int number = 2; ; number++) {
      try {
        return Files.createDirectory(fresh);
      } catch (FileAlreadyExistsException _) {
        fresh = folder.resolve("demo-" + number);
      }
    }
  }

  private static TrainingConfig config(Path files, Path base, Path run) throws IOException {
    return new TrainingOptions()
        .model(base)
        .data(files.resolve("data").resolve("train.jsonl"))
        .output(run.resolve("adapter.gguf"))
        .orElse(ConfigFile.read(files.resolve("train.yaml")))
        .resolve();
  }
}
