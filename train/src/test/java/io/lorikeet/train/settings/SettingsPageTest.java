package io.lorikeet.train.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The page of all settings is made of their descriptions.
class SettingsPageTest {
  private static final Path PAGE = Path.of("..", "docs", "settings.md");

  /// Makes the test write the page instead of comparing it.
  private static final String WRITE = "lorikeet.writeDocs";

  private static final String BEGINNING =
      """
      # Settings of a training run

      Each setting is a flag of `train` and `plan` (`--rank 8`) and, under the same name, a line of a YAML file
      (`rank: 8`) that `--config` names. Flags win over the file. A run writes all its settings into `config.yaml` in
      its folder. Settings in *italics* have to do with data: `lorikeet data` takes them, too.

      `train --resume RUN` goes on with the settings of the run. Those with a check mark may be given anew.
      """;

  @Test
  void isThatOfTheSettings() throws IOException {
    String page = page();
    if (Boolean.getBoolean(WRITE)) {
      Files.writeString(PAGE, page);
    }
    assertEquals(
        page,
        Files.readString(PAGE),
        "docs/settings.md is out of date; write it by: JAVA_TOOL_OPTIONS=-D"
            + WRITE
            + "=true mvn -pl train -am test"
            + " -Dtest=SettingsPageTest -Dsurefire.failIfNoSpecifiedTests=false");
  }

  private static String page() {
    StringBuilder page = new StringBuilder(BEGINNING);
    for (Setting.Group group : Setting.Group.values()) {
      page.append("\n## ").append(group.title()).append("\n\n");
      page.append("| setting | meaning | value | default | resume |\n|---|---|---|---|---|\n");
      Settings.all().stream()
          .filter(setting -> setting.group() == group)
          .map(SettingsPageTest::row)
          .forEach(page::append);
    }
    return page.toString();
  }

  private static String row(Setting<?> setting) {
    assertFalse(setting.help().isEmpty(), setting + " has no help");
    String key = "`" + setting.key() + "`";
    List<String> cells =
        List.of(
            setting.is(Setting.Trait.OF_DATA) ? "*" + key + "*" : key,
            setting.help(),
            setting.bounds().isEmpty() ? setting.placeholder() : setting.bounds(),
            setting.defaultInWords(),
            setting.is(Setting.Trait.MAY_CHANGE) ? "✓" : "");
    return "| " + String.join(" | ", cells.stream().map(SettingsPageTest::cell).toList()) + " |\n";
  }

  private static String cell(String text) {
    return text.replace("|", "\\|");
  }
}
