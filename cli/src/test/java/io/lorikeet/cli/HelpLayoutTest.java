package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

class HelpLayoutTest {

  @Test
  void eachCommandIsUnderOneSubject() {
    Map<String, List<String>> sections = sections(CommandRun.of("--help").out(), "  ");
    for (Subject subject : Subject.values()) {
      assertEquals(
          subject.commands().stream()
              .map(command -> command.getAnnotation(CommandLine.Command.class).name())
              .toList(),
          sections.get(subject.title()));
    }
    assertEquals(Subject.allCommands().size(), Set.copyOf(Subject.allCommands()).size());
  }

  @Test
  void trainShowsTheTenThatMatterFirst() {
    Map<String, List<String>> sections =
        sections(CommandRun.of("train", "--help").out(), "      --");
    assertEquals("Most used", sections.keySet().iterator().next());
    assertEquals(
        List.of(
            "model",
            "data",
            "validation",
            "output",
            "context",
            "epochs",
            "learning-rate",
            "rank",
            "device",
            "evaluate-every"),
        sections.get("Most used"));
    for (Setting.Group group : Setting.Group.values()) {
      assertEquals(
          Settings.all().stream()
              .filter(setting -> setting.group() == group && !setting.is(Setting.Trait.FIRST))
              .map(Setting::key)
              .toList(),
          sections.get(group.title()));
    }
  }

  /// In the order: files or the most used, others, those that all commands have.
  @Test
  void everyOptionOfEveryCommandIsShownOnce() {
    CommandLine program = Main.program(new Main(new Interruption(Screen.none()), Screen.none()));
    for (CommandLine command : program.getSubcommands().values()) {
      String name = command.getCommandName();
      List<HelpLayout.Section> sections = HelpLayout.sections(command.getCommandSpec());
      assertTrue(
          Set.of("Most used", "Files", "Options", "All commands")
              .contains(sections.getFirst().title()),
          name);
      assertEquals("All commands", sections.getLast().title(), name);
      assertEquals(
          List.of("--help", "--version", "--verbose", "--native-dir"),
          sections.getLast().options().stream().map(OptionSpec::longestName).toList(),
          name);
      List<OptionSpec> shown = sections.stream().flatMap(s -> s.options().stream()).toList();
      assertEquals(command.getCommandSpec().options().size(), shown.size(), name);
      assertEquals(Set.copyOf(command.getCommandSpec().options()), Set.copyOf(shown), name);
      String help = CommandRun.of(name, "--help").assertSucceeds().out();
      Set<String> titles = new TreeSet<>();
      sections.forEach(section -> titles.add(section.title()));
      assertTrue(sections(help, "      --").keySet().containsAll(titles), help);
    }
  }

  /// The list of commands shows the first of them.
  @Test
  void descriptionsAreWholeSentences() {
    for (CommandLine command : CompletionWords.program().getSubcommands().values()) {
      for (String text : command.getCommandSpec().usageMessage().description()) {
        assertTrue(text.endsWith("."), command.getCommandName() + ": " + text);
      }
      String help = CommandRun.of(command.getCommandName(), "--help").out();
      int options = help.lines().toList().indexOf("All commands:");
      assertTrue(options > 0 && help.indexOf("\nMost used") < 1500, help);
    }
  }

  /// The first words of lines with this beginning, by the titles above them.
  private static Map<String, List<String>> sections(String help, String beginning) {
    Map<String, List<String>> sections = new LinkedHashMap<>();
    String title = "";
    for (String line : help.lines().toList()) {
      if (line.matches("\\S.*:")) {
        title = line.substring(0, line.length() - 1);
        sections.put(title, new ArrayList<>());
      } else if (line.startsWith(beginning) && sections.containsKey(title)) {
        String word = line.substring(beginning.length()).split("[=\\[ ]")[0];
        if (!word.isEmpty()) {
          sections.get(title).add(word);
        }
      }
    }
    return sections;
  }
}
