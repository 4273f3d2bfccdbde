package io.lorikeet.cli;

import java.util.Arrays;
import java.util.List;

/// The commands by subject, in the order of the help.
enum Subject {
  FIRST_STEPS(
      "First steps", DemoCommand.class, InitCommand.class, DataCommand.class, PlanCommand.class),
  TRAINING(
      "Training",
      TrainCommand.class,
      SweepCommand.class,
      TrainManyCommand.class,
      WatchCommand.class,
      RunsCommand.class,
      CompareCommand.class),
  USE(
      "Use and judge",
      GenerateCommand.class,
      ChatCommand.class,
      EvalCommand.class,
      VerifyCommand.class,
      MergeCommand.class,
      DeployCommand.class,
      ServeCommand.class),
  ADAPTERS(
      "Adapters",
      ImportCommand.class,
      ExportCommand.class,
      CombineCommand.class,
      ResizeCommand.class,
      InspectCommand.class,
      DiffCommand.class),
  BASES(
      "Bases",
      PullCommand.class,
      ConvertCommand.class,
      QuantizeCommand.class,
      ImatrixCommand.class,
      ModelsCommand.class),
  MACHINE(
      "This machine",
      DevicesCommand.class,
      NativesCommand.class,
      BenchCommand.class,
      CompletionCommand.class);

  private final String title;
  private final List<Class<?>> commands;

  Subject(String title, Class<?>... commands) {
    this.title = title;
    this.commands = List.of(commands);
  }

  String title() {
    return title;
  }

  List<Class<?>> commands() {
    return commands;
  }

  /// The commands of all subjects.
  static List<Class<?>> allCommands() {
    return Arrays.stream(values()).<Class<?>>flatMap(subject -> subject.commands.stream()).toList();
  }
}
