package io.lorikeet.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/// The manual page of a command or of the program, in the macros of man(7).
final class ManPage {
  private static final Map<String, String> USUAL_EXITS =
      Map.of(
          "0", "done",
          "1", "it could not be done",
          "2", "options, files or data that can't be used");

  private final CommandLine command;
  private final StringBuilder page = new StringBuilder();

  private ManPage(CommandLine command) {
    this.command = command;
  }

  /// The name of a command's page: `lorikeet-train`.
  static String name(CommandLine command) {
    return command.getCommandSpec().qualifiedName("-");
  }

  /// The page's source.
  static String of(CommandLine command) {
    return new ManPage(command).write();
  }

  private String write() {
    CommandSpec spec = command.getCommandSpec();
    String name = name(command);
    line(
        ".TH %s 1 \"\" %s Lorikeet"
            .formatted(name.toUpperCase(Locale.ROOT), quoted(Main.version())));
    line(".nh"); // names of options and pages stay whole,
    line(".ad l"); // and lines needn't be filled between them
    section("NAME");
    line(escaped(name) + " \\- " + escaped(CompletionWords.summary(spec)));
    section("SYNOPSIS");
    line(".B " + escaped(spec.qualifiedName()));
    line(escaped(arguments(spec)));
    section("DESCRIPTION");
    line(escaped(String.join(" ", spec.usageMessage().description())));
    if (!command.getSubcommands().isEmpty()) {
      section("COMMANDS");
      commands();
    }
    section("OPTIONS");
    for (HelpLayout.Section options : HelpLayout.sections(spec)) {
      line(".SS " + quoted(escaped(options.title())));
      options.options().forEach(this::option);
    }
    section("EXIT STATUS");
    exits(spec);
    section("SEE ALSO");
    line(seeAlso());
    return page.toString();
  }

  private static String arguments(CommandSpec spec) {
    if (!spec.subcommands().isEmpty()) {
      return "COMMAND [OPTION ...]";
    }
    return spec.positionalParameters().stream()
        .map(PositionalParamSpec::paramLabel)
        .collect(Collectors.joining(" ", "[OPTION ...] ", ""))
        .strip();
  }

  private void commands() {
    for (Subject subject : Subject.values()) {
      line(".SS " + quoted(escaped(subject.title())));
      for (Class<?> type : subject.commands()) {
        String name = type.getAnnotation(Command.class).name();
        Optional.ofNullable(command.getSubcommands().get(name))
            .ifPresent(
                own -> {
                  line(".TP");
                  line(".B " + escaped(name));
                  line(escaped(CompletionWords.summary(own.getCommandSpec())));
                });
      }
    }
  }

  private void option(OptionSpec option) {
    List<String> names = new ArrayList<>();
    for (String name : option.names()) {
      names.add("\\fB" + escaped(name) + "\\fR");
    }
    String label = "\\fI" + escaped(option.paramLabel()).replace("|", "|\\:") + "\\fR";
    String value =
        option.arity().max() == 0
            ? ""
            : option.arity().min() == 0 ? "[=" + label + "]" : " " + label;
    String more = option.arity().max() > 1 ? " ..." : "";
    line(".TP");
    line(String.join(", ", names) + value + more);
    line(escaped(CompletionWords.summary(option)));
  }

  private void exits(CommandSpec spec) {
    Map<String, String> own = spec.usageMessage().exitCodeList();
    Map<String, String> exits = own.isEmpty() ? USUAL_EXITS : own;
    exits.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(
            exit -> {
              line(".TP");
              line(".B " + exit.getKey().strip());
              line(escaped(exit.getValue()));
            });
  }

  private String seeAlso() {
    CommandLine program = command.getParent() == null ? command : command.getParent();
    return CompletionWords.pages(program).stream()
        .filter(other -> other != command)
        .map(other -> ".BR " + escaped(name(other)) + " (1)")
        .collect(Collectors.joining(" ,\n"));
  }

  private void section(String title) {
    line(".SH " + quoted(title));
  }

  private void line(String text) {
    page.append(text).append('\n');
  }

  private static String quoted(String text) {
    return '"' + text.replace("\"", "\\(dq") + '"';
  }

  /// A text that troff shows as it is.
  private static String escaped(String text) {
    String plain =
        text.strip()
            .replace("\\", "\\e")
            .replace("-", "\\-")
            .replace("^", "\\(ha")
            .replace("~", "\\(ti");
    return plain.startsWith(".") || plain.startsWith("'") ? "\\&" + plain : plain;
  }
}
