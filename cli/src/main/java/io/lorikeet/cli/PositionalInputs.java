package io.lorikeet.cli;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/// Arguments without an option in front: the values of those of a command's [Inputs] that were not
/// given by option, in their order. `verify BASE ADAPTER`, `verify --model BASE ADAPTER` and
/// `verify --model BASE --adapter ADAPTER` are the same.
final class PositionalInputs {

  private PositionalInputs() {}

  /// Lets all commands that have inputs take them by position.
  static void addTo(CommandLine program) {
    for (CommandLine command : program.getSubcommands().values()) {
      CommandSpec spec = command.getCommandSpec();
      if (inputs(spec).isPresent()) {
        PositionalParamSpec.Builder position =
            PositionalParamSpec.builder()
                .index("0..*")
                .arity("0..*")
                .type(List.class)
                .auxiliaryTypes(String.class)
                .paramLabel(label(spec))
                .hideParamSyntax(true)
                .description("by position, those that no option gives");
        List<String> choices = CompletionWords.choices(options(spec).getFirst());
        if (!choices.isEmpty()) {
          position.completionCandidates(choices);
        }
        spec.addPositional(position.build());
      }
    }
  }

  private static Optional<Inputs> inputs(CommandSpec spec) {
    return Optional.ofNullable(spec.userObject().getClass().getAnnotation(Inputs.class));
  }

  private static List<OptionSpec> options(CommandSpec spec) {
    return inputs(spec).stream()
        .flatMap(inputs -> Arrays.stream(inputs.value()))
        .map(spec::findOption)
        .toList();
  }

  /// `[MODEL] [ADAPTER...]`.
  private static String label(CommandSpec spec) {
    return options(spec).stream()
        .map(
            option ->
                option.longestName().substring(2).toUpperCase(Locale.ROOT)
                    + (isList(option) ? "..." : ""))
        .collect(Collectors.joining("] [", "[", "]"));
  }

  private static boolean isList(OptionSpec option) {
    return option.type() == List.class;
  }

  /// Gives the arguments of a command to the options that they stand for.
  ///
  /// @throws UnmatchedArgumentException when there are more than inputs
  /// @throws MissingParameterException when an input that is needed wasn't given in either way
  static void assign(ParseResult parsed) {
    CommandSpec spec = parsed.commandSpec();
    Deque<String> arguments = new ArrayDeque<>(parsed.matchedPositionalValue(0, List.<String>of()));
    List<ArgSpec> missing = new ArrayList<>();
    int needed = inputs(spec).map(Inputs::needed).orElse(0);
    for (OptionSpec option : options(spec)) {
      if (!parsed.hasMatchedOption(option)) {
        if (arguments.isEmpty()) {
          if (needed > 0) {
            missing.add(option);
          }
        } else if (isList(option)) {
          set(option, List.copyOf(arguments));
          arguments.clear();
        } else {
          set(option, List.of(arguments.remove()));
        }
      }
      needed--;
    }
    if (!arguments.isEmpty()) {
      throw new UnmatchedArgumentException(spec.commandLine(), List.copyOf(arguments));
    }
    if (!missing.isEmpty()) {
      throw new MissingParameterException(spec.commandLine(), missing, "");
    }
  }

  private static void set(OptionSpec option, List<String> texts) {
    Class<?>[] auxiliary = option.auxiliaryTypes();
    Class<?> type = auxiliary.length > 0 ? auxiliary[0] : option.type();
    List<?> values = type == Path.class ? texts.stream().map(Path::of).toList() : texts;
    Object value =
        isList(option)
            ? values
            : option.type() == Optional.class ? Optional.of(values.getFirst()) : values.getFirst();
    try {
      option.setter().set(value);
    } catch (Exception e) {
      throw new IllegalStateException("can't set " + option.longestName(), e);
    }
  }
}
