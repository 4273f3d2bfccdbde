package io.lorikeet.cli;

import io.lorikeet.finetune.FineTuned;
import io.lorikeet.train.parallel.Machines;
import io.lorikeet.train.run.RunMetrics;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/// `lorikeet train`. Its flags are the settings of a training run, see [TrainingFlags].
@Command(
    name = "train",
    description = {
      "Train a LoRA adapter on a frozen GGUF base, write it as a GGUF that llama.cpp loads, and prove it there.",
      "Needs --model, --data and --output, or --resume."
    },
    exitCodeListHeading = ProofExitCode.EXIT_CODES,
    exitCodeList = {
      ProofExitCode.PROVEN,
      ProofExitCode.FAILED,
      ProofExitCode.BAD_INPUT,
      ProofExitCode.REFUSED,
      ProofExitCode.OUT_OF_TIME,
      ProofExitCode.INTERRUPTED,
      ProofExitCode.TERMINATED
    },
    modelTransformer = RunFlags.class)
@Inputs(
    value = {"--model", "--data"},
    needed = 0)
final class TrainCommand implements Callable<Integer> {

  @ParentCommand private Main main;
  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    CommandLine.ParseResult parsed = spec.commandLine().getParseResult();
    TrainingOptions options = TrainingFlags.options(parsed);
    ProgressLine line = ProgressLine.of(spec);
    Optional<Path> resumed = RunFlags.resumed(parsed);
    Optional<Machines> machines = ClusterFlags.machines(parsed);
    if (RunFlags.findsLearningRate(parsed)) {
      if (resumed.isPresent()) {
        throw new ParameterException(
            spec.commandLine(), "--find-learning-rate is for a new run, not for --resume");
      }
      new RateTestText(line, main).run(options);
      return 0;
    }
    TrainingSession session =
        new TrainingSession(line, main.interruption()).watched(RunFlags.watches(parsed));
    machines.ifPresent(session::across);
    FineTuned finished;
    try (Machines _ = machines.orElse(null)) {
      finished =
          resumed.isPresent()
              ? session.resume(resumed.get(), options, RunFlags.replaces(parsed))
              : session.run(options.resolve(), RunFlags.replaces(parsed));
    }
    TrainingConfig config = finished.config();
    if (!Method.CONTRASTIVE.isOf(config)) {
      ServingText.ofAdapter(config.get(Settings.MODEL), config.get(Settings.OUTPUT))
          .forEach(line::println);
    }
    line.println("");
    new TrainingSummary(config, RunMetrics.read(config.get(Settings.RUN)), finished.best())
        .lines()
        .forEach(line::sentence);
    int proven =
        finished
            .verification()
            .map(verification -> ProofExitCode.exitCode(verification.verdict()))
            .orElse(0);
    if (finished.isRefused()) {
      line.sentence("no adapter of this run passes the gate");
      return Math.max(proven, Failure.INCONCLUSIVE);
    }
    return proven;
  }
}
