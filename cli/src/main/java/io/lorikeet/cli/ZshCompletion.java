package io.lorikeet.cli;

import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/// Completion for zsh, by its function `_arguments`.
final class ZshCompletion {
  private ZshCompletion() {}

  static String script(CommandLine program) {
    String name = program.getCommandName();
    StringBuilder script = new StringBuilder();
    script.append(
        """
        #compdef %1$s
        _%1$s() {
          local curcontext="$curcontext" state line
          _arguments -C \\
        """
            .formatted(name));
    options(program.getCommandSpec(), script);
    script.append("    '1:command:->command' '*::argument:->argument' && return\n");
    script.append("  case $state in\n    command)\n      local -a commands=(\n");
    for (Map.Entry<String, CommandLine> command : program.getSubcommands().entrySet()) {
      String summary = CompletionWords.summary(command.getValue().getCommandSpec());
      script.append("        %s\n".formatted(quoted(command.getKey() + ":" + summary)));
    }
    script.append("      )\n      _describe command commands ;;\n");
    script.append("    argument)\n      case $words[1] in\n");
    for (Map.Entry<String, CommandLine> command : program.getSubcommands().entrySet()) {
      CommandSpec spec = command.getValue().getCommandSpec();
      script.append("        %s)\n          _arguments \\\n".formatted(command.getKey()));
      options(spec, script);
      script.append("            %s ;;\n".formatted(quoted(positions(spec))));
    }
    return script
        .append("      esac ;;\n  esac\n}\n")
        .append("if [ \"$funcstack[1]\" = _%1$s ]; then _%1$s \"$@\"; ".formatted(name))
        .append("else compdef _%1$s %1$s; fi\n".formatted(name))
        .toString();
  }

  private static String positions(CommandSpec command) {
    return CompletionWords.position(command)
        .map(
            option ->
                CompletionWords.takesFile(option)
                    ? "*:file:_files"
                    : "1:value:" + values(CompletionWords.choices(option)))
        .orElse("*: :");
  }

  private static void options(CommandSpec command, StringBuilder script) {
    for (OptionSpec option : command.options()) {
      for (String name : option.names()) {
        script.append("            %s \\\n".formatted(quoted(option(name, option))));
      }
    }
  }

  /// `--rank=[rank of the adapter]:N:`, by _arguments' rules.
  private static String option(String name, OptionSpec option) {
    boolean value = option.arity().max() > 0;
    boolean needed = option.arity().min() > 0;
    String sign = value && name.startsWith("--") ? "=" : "";
    String repeated = option.isMultiValue() ? "*" : "";
    String text =
        "%s%s%s[%s]".formatted(repeated, name, sign, bracketed(CompletionWords.summary(option)));
    if (!value) {
      return text;
    }
    List<String> choices = CompletionWords.choices(option);
    String action =
        !choices.isEmpty() ? values(choices) : CompletionWords.takesFile(option) ? "_files" : "";
    return text + (needed ? ":" : "::") + colons(option.paramLabel()) + ":" + action;
  }

  private static String values(List<String> choices) {
    return "(" + String.join(" ", choices) + ")";
  }

  private static String bracketed(String text) {
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]");
  }

  private static String colons(String text) {
    return text.replace(":", "\\:");
  }

  private static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
