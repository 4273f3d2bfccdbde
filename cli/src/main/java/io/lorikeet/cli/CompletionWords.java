package io.lorikeet.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// The things that scripts of all shells complete, as the program describes itself.
final class CompletionWords {
  /// Parameters that are files or folders, or can be.
  private static final String FILES = "(.*[|])?(FILE|FOLDER|DIR|RUN|PATH|BASE)\\b.*";

  private CompletionWords() {}

  /// The whole program, as it takes its arguments.
  static CommandLine program() {
    CommandLine program = Main.program(new Main(new Interruption(Screen.none()), Screen.none()));
    PositionalInputs.addTo(program);
    return program;
  }

  /// The program and its commands, each of which has a page in the manual.
  static List<CommandLine> pages(CommandLine program) {
    List<CommandLine> pages = new ArrayList<>(List.of(program));
    pages.addAll(program.getSubcommands().values());
    return pages;
  }

  /// The words that an option takes one of; empty where there are others, too.
  static List<String> choices(ArgSpec option) {
    if (option.paramLabel().matches("[a-z0-9_-]+([|][a-z0-9_-]+)+")) {
      return List.of(option.paramLabel().split("[|]"));
    }
    List<String> choices = new ArrayList<>();
    if (option.completionCandidates() != null) {
      option.completionCandidates().forEach(choices::add);
    }
    return choices;
  }

  static boolean takesFile(ArgSpec option) {
    return option.paramLabel().matches(FILES);
  }

  /// The option whose value comes first where values are given by position.
  static Optional<OptionSpec> position(CommandSpec command) {
    return Optional.ofNullable(command.userObject().getClass().getAnnotation(Inputs.class))
        .map(inputs -> command.findOption(inputs.value()[0]));
  }

  /// The first sentence of a command's description.
  static String summary(CommandSpec command) {
    String[] description = command.usageMessage().description();
    return String.join(" ", description).split("(?<=[.])\\s|%n")[0];
  }

  /// An option's description in one line.
  static String summary(OptionSpec option) {
    return String.join(" ", option.description()).replace("%n", " ").replace("%%", "%");
  }
}
