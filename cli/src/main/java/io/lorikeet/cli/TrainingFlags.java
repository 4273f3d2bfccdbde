package io.lorikeet.cli;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.ConfigFile;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/// The flags of a training run: one for each [Setting], and `--config`, whose file they override.
final class TrainingFlags implements CommandLine.IModelTransformer {
  private static final String CONFIG = "--config";

  /// Adds the flags to a command.
  @Override
  public CommandSpec transform(CommandSpec command) {
    return add(command, Settings.all());
  }

  /// Adds the flags of some settings to a command, and `--config`.
  static CommandSpec add(CommandSpec command, List<Setting<?>> settings) {
    for (Setting<?> setting : settings) {
      command.addOption(option(setting));
    }
    return command.addOption(
        OptionSpec.builder(CONFIG)
            .type(Path.class)
            .paramLabel("FILE")
            .description("YAML file with any of these settings under the same names; flags win")
            .build());
  }

  /// Whether a command takes settings of a training run.
  static boolean areIn(CommandSpec command) {
    return command.findOption(CONFIG) != null && command.findOption(flag(Settings.MODEL)) != null;
  }

  private static OptionSpec option(Setting<?> setting) {
    OptionSpec.Builder option =
        OptionSpec.builder(flag(setting))
            .paramLabel(setting.placeholder())
            .description(setting.description());
    if (!setting.choices().isEmpty()) {
      option.completionCandidates(setting.choices());
    }
    if (setting.list()) {
      return option.type(List.class).auxiliaryTypes(String.class).arity("1..*").build();
    }
    if (setting.isSwitch()) {
      return option.type(String.class).arity("0..1").fallbackValue("true").build();
    }
    return option.type(String.class).arity("1").build();
  }

  private static String flag(Setting<?> setting) {
    return "--" + setting.key();
  }

  /// The settings of the flags, and of the configuration file where no flag gives them, with the
  /// base's GGUF file in the place of what stands for it.
  ///
  /// @throws InvalidInputException with all flags whose text can't be understood
  static TrainingOptions options(ParseResult parsed) throws IOException {
    TrainingOptions options = given(parsed);
    Optional<Path> given = options.get(Settings.MODEL);
    Optional<Path> found = BaseOption.find(parsed.commandSpec(), given);
    if (!found.equals(given)) { // else its origin stays with it
      options.set(Settings.MODEL, found.orElse(null));
    }
    return options;
  }

  /// The same, with the base as it was given.
  static TrainingOptions given(ParseResult parsed) throws IOException {
    TrainingOptions flags = new TrainingOptions();
    List<String> problems = new ArrayList<>();
    for (Setting<?> setting : Settings.all()) {
      OptionSpec given = parsed.commandSpec().findOption(flag(setting)); // or by position
      if (given != null && given.getValue() != null) {
        Object value = given.getValue();
        List<String> texts = value instanceof String text ? List.of(text) : strings(value);
        Optional<String> option = texts.stream().filter(TrainingFlags::isOption).findFirst();
        if (option.isPresent()) { // a list takes all that isn't a known option
          throw new UnmatchedArgumentException(
              parsed.commandSpec().commandLine(), List.of(option.get()));
        }
        try {
          flags.setText(setting, texts, "");
        } catch (IllegalArgumentException e) {
          problems.add(flag(setting) + ": " + e.getMessage());
        }
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(String.join("\n", problems));
    }
    Path config = parsed.matchedOptionValue(CONFIG, null);
    return config == null ? flags : flags.orElse(ConfigFile.read(config)).readFrom(config);
  }

  private static boolean isOption(String text) {
    return text.matches("--?[A-Za-z].*") && !Files.exists(Path.of(text));
  }

  private static List<String> strings(Object values) {
    return ((List<?>) values).stream().map(String::valueOf).toList();
  }
}
