package io.lorikeet.cli;

import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ScopeType;

/// The order of help: that which matters first, then the rest by subject, then the options that all
/// commands have.
final class HelpLayout {
  private static final String FILES = "Files";
  private static final String OPTIONS = "Options";
  private static final String COMMON = "All commands";
  private static final String MOST_USED = "Most used";

  private HelpLayout() {}

  /// Options under a title.
  record Section(String title, List<OptionSpec> options) {}

  /// Lets the help of a program and of all its commands follow that order.
  static void applyTo(CommandLine program) {
    UsageMessageSpec usage = program.getCommandSpec().usageMessage();
    usage.sectionMap().put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST, HelpLayout::commands);
    usage.commandListHeading("");
    usage.sectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, HelpLayout::options);
    for (CommandLine command : program.getSubcommands().values()) {
      CommandSpec spec = command.getCommandSpec();
      UsageMessageSpec own = spec.usageMessage();
      own.sectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, HelpLayout::options);
      own.abbreviateSynopsis(TrainingFlags.areIn(spec)); // else it fills a screen
    }
  }

  /// A command's options in the order of its help. Each is in one section.
  static List<Section> sections(CommandSpec command) {
    List<OptionSpec> left = new ArrayList<>(command.options());
    List<Section> sections = new ArrayList<>();
    List<OptionSpec> common = take(left, HelpLayout::isCommon);
    boolean settings = left.stream().anyMatch(option -> setting(command, option).isPresent());
    if (settings) {
      add(
          sections,
          MOST_USED,
          take(
              left,
              option ->
                  setting(command, option).filter(s -> s.is(Setting.Trait.FIRST)).isPresent()));
      add(sections, OPTIONS, take(left, option -> setting(command, option).isEmpty()));
      for (Setting.Group group : Setting.Group.values()) {
        add(
            sections,
            group.title(),
            take(
                left,
                option -> setting(command, option).filter(s -> s.group() == group).isPresent()));
      }
    } else {
      add(sections, FILES, take(left, option -> isFile(command, option)));
      add(sections, OPTIONS, left);
    }
    add(sections, COMMON, common);
    return sections;
  }

  private static void add(List<Section> sections, String title, List<OptionSpec> options) {
    if (!options.isEmpty()) {
      sections.add(new Section(title, List.copyOf(options)));
    }
  }

  private static List<OptionSpec> take(List<OptionSpec> left, Predicate<OptionSpec> wanted) {
    List<OptionSpec> taken = left.stream().filter(wanted).toList();
    left.removeAll(taken);
    return taken;
  }

  private static boolean isCommon(OptionSpec option) {
    return option.scopeType() == ScopeType.INHERIT || option.usageHelp() || option.versionHelp();
  }

  /// One of the files that the command works on, or that it writes.
  private static boolean isFile(CommandSpec command, OptionSpec option) {
    Inputs inputs = command.userObject().getClass().getAnnotation(Inputs.class);
    return option.longestName().equals("--output")
        || inputs != null && Arrays.asList(inputs.value()).contains(option.longestName());
  }

  private static Optional<Setting<?>> setting(CommandSpec command, OptionSpec option) {
    return TrainingFlags.areIn(command)
        ? Settings.named(option.longestName().replaceFirst("^--", ""))
        : Optional.empty();
  }

  private static String options(Help help) {
    StringBuilder text = new StringBuilder();
    for (Section section : sections(help.commandSpec())) {
      Help.Layout layout = help.createDefaultLayout();
      layout.addAllOptions(section.options(), help.parameterLabelRenderer());
      text.append("%n%s:%n%s".formatted(section.title(), layout));
    }
    return text.toString();
  }

  private static String commands(Help help) {
    StringBuilder text = new StringBuilder();
    for (Subject subject : Subject.values()) {
      Map<String, Help> own = new LinkedHashMap<>();
      for (Class<?> command : subject.commands()) {
        String name = command.getAnnotation(Command.class).name();
        Optional.ofNullable(help.subcommands().get(name)).ifPresent(found -> own.put(name, found));
      }
      text.append("%n%s:%n%s".formatted(subject.title(), help.commandList(own)));
    }
    return text.toString();
  }
}
