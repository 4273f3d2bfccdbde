package io.lorikeet.cli;

import io.lorikeet.train.TrainingConfig;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// `lorikeet train`. Its flags are the settings of a training run, see [TrainingFlags].
@Command(
    name = "train",
    description = {
      "Train a LoRA adapter on a frozen GGUF base, write it as a GGUF that llama.cpp loads, and prove it there.",
      "Needs --model, --data and --output."
    },
    modelTransformer = TrainingFlags.class)
final class TrainCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    TrainingConfig config = TrainingFlags.options(spec.commandLine().getParseResult()).resolve();
    ProgressLine line = new ProgressLine(spec.commandLine().getOut(), ProgressLine.onTerminal());
    return VerificationReport.exitCode(new TrainingSession(line).run(config));
  }
}
