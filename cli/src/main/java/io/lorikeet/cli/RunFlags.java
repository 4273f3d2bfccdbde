package io.lorikeet.cli;

import io.lorikeet.finetune.sweep.RateTest;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/// The flags of `train`: those of its settings ([TrainingFlags]), and those that say how a run is
/// started.
final class RunFlags implements CommandLine.IModelTransformer {
  private static final String RESUME = "--resume";
  private static final String FORCE = "--force";
  private static final String WATCH = "--watch";
  private static final String FIND_LEARNING_RATE = "--find-learning-rate";

  /// Adds the flags to a command.
  @Override
  public CommandSpec transform(CommandSpec command) {
    new TrainingFlags().transform(command);
    command.addOption(
        OptionSpec.builder(RESUME)
            .type(Path.class)
            .paramLabel("RUN")
            .description("go on with the run in this folder, from its newest checkpoint")
            .build());
    command.addOption(
        OptionSpec.builder(WATCH)
            .type(boolean.class)
            .description("show the run's report to a browser on this machine while it goes on")
            .build());
    command.addOption(
        OptionSpec.builder(FIND_LEARNING_RATE)
            .type(boolean.class)
            .description(
                "only try rising learning rates for %s steps, and suggest one"
                    .formatted(RateTest.STEPS))
            .build());
    ClusterFlags.add(command);
    return command.addOption(
        OptionSpec.builder(FORCE)
            .type(boolean.class)
            .description(
                "replace an adapter that exists under the output's name; a resumed run replaces its"
                    + " own")
            .build());
  }

  /// The folder of the run to go on with, where one was given.
  static Optional<Path> resumed(ParseResult parsed) {
    return Optional.ofNullable(parsed.matchedOptionValue(RESUME, null));
  }

  /// Whether an output that exists may be replaced.
  static boolean replaces(ParseResult parsed) {
    return parsed.hasMatchedOption(FORCE);
  }

  /// Whether the report is shown while the run goes on.
  static boolean watches(ParseResult parsed) {
    return parsed.hasMatchedOption(WATCH);
  }

  /// Whether nothing is to be trained, only a learning rate found.
  static boolean findsLearningRate(ParseResult parsed) {
    return parsed.hasMatchedOption(FIND_LEARNING_RATE);
  }
}
