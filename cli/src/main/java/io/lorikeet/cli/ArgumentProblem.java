package io.lorikeet.cli;

import io.lorikeet.quant.NearestName;
import io.lorikeet.train.settings.FamiliarNames;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/// Why arguments can't be understood, with the name that was probably meant.
final class ArgumentProblem {

  private ArgumentProblem() {}

  static String inWords(ParameterException problem) {
    return switch (problem) {
      case UnmatchedArgumentException e -> unknown(e.getUnmatched().getFirst(), e.getCommandLine());
      case MissingParameterException e -> missing(e);
      default ->
          unknownChoice(problem)
              .or(() -> unread(problem))
              .orElseGet(() -> String.valueOf(problem.getMessage()));
    };
  }

  private static String unknown(String argument, CommandLine command) {
    if (argument.startsWith("-") && argument.length() > 1) {
      String name = argument.replaceFirst("=.*", "");
      return "unknown option '"
          + name
          + "'"
          + FamiliarNames.hint(name, command.getCommandSpec().optionsMap().keySet());
    }
    Collection<String> commands = command.getSubcommands().keySet();
    return commands.isEmpty()
        ? "unknown argument '" + argument + "'"
        : "unknown command '" + argument + "'" + NearestName.hint(argument, commands);
  }

  private static String missing(MissingParameterException problem) {
    String names =
        problem.getMissing().stream().map(ArgumentProblem::name).collect(Collectors.joining(", "));
    CommandLine command = problem.getCommandLine();
    return Stream.concat(
            Stream.of(names + " is missing"),
            command.getUnmatchedArguments().stream()
                .filter(argument -> argument.startsWith("-"))
                .map(argument -> unknown(argument, command)))
        .collect(Collectors.joining("; "));
  }

  private static Optional<String> unread(ParameterException problem) {
    return problem.getCause() instanceof TypeConversionException cause
        ? Optional.of(name(problem.getArgSpec()) + ": " + cause.getMessage())
        : Optional.empty();
  }

  private static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.names()[0] : argument.paramLabel();
  }

  /// Of an option that takes one of a few names.
  private static Optional<String> unknownChoice(ParameterException problem) {
    ArgSpec argument = problem.getArgSpec();
    if (!(argument instanceof OptionSpec option) || problem.getValue() == null) {
      return Optional.empty();
    }
    Class<?>[] auxiliary = option.auxiliaryTypes();
    Class<?> type = auxiliary.length > 0 ? auxiliary[0] : option.type();
    if (!type.isEnum()) {
      return Optional.empty();
    }
    List<String> names = Arrays.stream(type.getEnumConstants()).map(String::valueOf).toList();
    return Optional.of(
        "%s: expected %s, found '%s'%s"
            .formatted(
                option.longestName(),
                String.join(", ", names),
                problem.getValue(),
                NearestName.hint(problem.getValue(), names)));
  }
}
