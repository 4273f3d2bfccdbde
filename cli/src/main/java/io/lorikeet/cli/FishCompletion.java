package io.lorikeet.cli;

import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// Completion for fish.
final class FishCompletion {
  private FishCompletion() {}

  static String script(CommandLine program) {
    String name = program.getCommandName();
    StringBuilder script = new StringBuilder("complete -c %s -f\n".formatted(name));
    options(name, "__fish_use_subcommand", program.getCommandSpec(), script);
    for (Map.Entry<String, CommandLine> command : program.getSubcommands().entrySet()) {
      CommandSpec spec = command.getValue().getCommandSpec();
      script.append(
          "complete -c %s -n __fish_use_subcommand -a %s -d %s\n"
              .formatted(name, command.getKey(), quoted(CompletionWords.summary(spec))));
      String inCommand = quoted("__fish_seen_subcommand_from " + command.getKey());
      CompletionWords.position(spec)
          .ifPresent(
              option ->
                  script.append(
                      "complete -c %s -n %s%s\n".formatted(name, inCommand, position(option))));
      options(name, inCommand, spec, script);
    }
    return script.toString();
  }

  private static void options(
      String program, String condition, CommandSpec command, StringBuilder script) {
    for (OptionSpec option : command.options()) {
      script.append("complete -c %s -n %s".formatted(program, condition));
      for (String name : option.names()) {
        script.append(
            name.startsWith("--") ? " -l " + name.substring(2) : " -s " + name.substring(1));
      }
      script.append(value(option));
      script.append(" -d %s\n".formatted(quoted(CompletionWords.summary(option))));
    }
  }

  private static String position(OptionSpec option) {
    return CompletionWords.takesFile(option)
        ? " -F"
        : " -a " + quoted(String.join(" ", CompletionWords.choices(option)));
  }

  private static String value(OptionSpec option) {
    if (option.arity().max() == 0) {
      return "";
    }
    String choices = String.join(" ", CompletionWords.choices(option));
    if (!choices.isEmpty()) {
      return (option.arity().min() > 0 ? " -x" : " -f") + " -a " + quoted(choices);
    }
    return CompletionWords.takesFile(option) ? " -r -F" : " -x";
  }

  private static String quoted(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }
}
