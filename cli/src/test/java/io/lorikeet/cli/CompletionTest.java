package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lorikeet.train.settings.Settings;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/// The files of [ShellFiles], in the shells and in groff where those are installed.
class CompletionTest {
  @TempDir private Path share;

  @BeforeEach
  void write() throws IOException {
    ShellFiles.write(share);
  }

  @Test
  void everyCommandAndOptionIsInAllOfThem() throws IOException {
    String bash = Files.readString(bash());
    String zsh = Files.readString(zsh());
    String fish = Files.readString(fish());
    for (CommandLine command : CompletionWords.program().getSubcommands().values()) {
      String name = command.getCommandName();
      String page = Files.readString(share.resolve("man/man1/lorikeet-" + name + ".1"));
      assertTrue(fish.contains(" -n __fish_use_subcommand -a " + name + " "), name);
      assertTrue(zsh.contains("'" + name + ":"), name);
      String own = zsh.substring(zsh.indexOf("\n        " + name + ")\n"));
      own = own.substring(0, own.indexOf(";;"));
      for (OptionSpec option : command.getCommandSpec().options()) {
        String flag = option.longestName();
        String where = name + " " + flag;
        assertTrue(bash.contains("'" + flag + "'"), where);
        assertTrue(own.contains(flag + (option.arity().max() > 0 ? "=[" : "[")), where);
        assertTrue(
            fish.lines()
                .anyMatch(
                    line ->
                        line.contains("'__fish_seen_subcommand_from " + name + "'")
                            && line.contains(" -l " + flag.substring(2) + " ")),
            where);
        assertTrue(page.contains("\\fB" + flag.replace("-", "\\-") + "\\fR"), where);
      }
    }
    String schedule = Settings.SCHEDULE.description();
    assertTrue(zsh.contains("'--schedule=[" + schedule + "]:"), "the description");
    assertTrue(fish.contains("-d '" + schedule + "'"), "the description");
  }

  @Test
  void commandsPrintThem() throws IOException {
    assertEquals(Files.readString(bash()), printed("bash"));
    assertEquals(Files.readString(zsh()), printed("zsh"));
    assertEquals(Files.readString(fish()), printed("--shell=fish"));
    CommandRun.of("completion", "csh").assertFails(2, "--shell: expected bash, zsh, fish");
    CommandRun.of("completion").assertFails(2, "--shell is missing");
  }

  private static String printed(String argument) {
    return CommandRun.of("completion", argument).assertSucceeds().out();
  }

  @Test
  void bashCompletes() throws Exception {
    requireTool("bash");
    assertEquals(List.of("train", "train-many"), inBash("lorikeet", "tra"));
    assertEquals(List.of("--schedule"), inBash("lorikeet", "train", "--sched"));
    assertEquals(
        List.of("constant", "cosine", "linear"), inBash("lorikeet", "train", "--schedule", ""));
    assertEquals(List.of("linear"), inBash("lorikeet", "train", "--rank", "8", "--schedule", "l"));
    assertEquals(List.of(), inBash("lorikeet", "train", "--rank", ""));
    assertEquals(List.of("fish"), inBash("lorikeet", "completion", "f"));
    assertTrue(Files.readString(bash()).contains(" -o default lorikeet"), "bash adds file names");
    assertFalse(Files.readString(bash()).contains("+o default"), "bash adds file names");
  }

  /// The candidates for the last word, sorted.
  private List<String> inBash(String... words) throws Exception {
    Path script =
        Files.writeString(
            share.resolve("try.sh"),
            """
            . "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
            specification=$(complete -p lorikeet)
            function=${specification#*-F }; function=${function%% *}
            compopt() { :; } # which bash allows while it completes alone
            $function lorikeet "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """);
    List<String> command = new ArrayList<>(List.of("bash", script.toString(), bash().toString()));
    command.addAll(Arrays.asList(words));
    return sorted(output(command));
  }

  @Test
  void fishCompletes() throws Exception {
    requireTool("fish");
    assertEquals(List.of("train", "train-many"), inFish("lorikeet tra"));
    assertEquals(List.of("--schedule"), inFish("lorikeet train --sched"));
    assertEquals(List.of("constant", "cosine", "linear"), inFish("lorikeet train --schedule "));
    assertEquals(List.of("bash", "fish", "zsh"), inFish("lorikeet completion "));
    assertEquals(List.of(), inFish("lorikeet devices x"));
  }

  private List<String> inFish(String typed) throws Exception {
    String script = "source $argv[1]; complete -C $argv[2]";
    return sorted(
        output(List.of("fish", "--no-config", "-c", script, fish().toString(), typed))
            .lines()
            .map(line -> line.split("\t")[0] + "\n")
            .reduce("", String::concat));
  }

  @Test
  void zshReadsIt() throws Exception {
    requireTool("zsh");
    assertEquals("", output(List.of("zsh", "-f", "-n", zsh().toString())));
    String script =
        """
        autoload -Uz compinit; compinit -D -u; source "$1"
        [ "$_comps[lorikeet]" = _lorikeet ] && echo registered
        """;
    assertEquals(
        "registered\n", output(List.of("zsh", "-f", "-c", script, "zsh", zsh().toString())));
  }

  @Test
  void groffFindsNothingWrongWithThePages() throws Exception {
    requireTool("groff");
    try (Stream<Path> pages = Files.list(share.resolve("man/man1"))) {
      List<String> command = new ArrayList<>(List.of("groff", "-ww", "-z", "-k", "-man", "-Tutf8"));
      pages.sorted().map(Path::toString).forEach(command::add);
      assertEquals(2 + Subject.allCommands().size() + 5, command.size());
      assertEquals("", output(command));
    }
    String page = share.resolve("man/man1/lorikeet-train.1").toString();
    String shown =
        output(List.of("groff", "-k", "-man", "-Tascii", "-P-cbou", page)).replaceAll(" +", " ");
    for (String words :
        List.of(
            "lorikeet-train - Train a LoRA adapter",
            "--learning-rate RATE",
            "Optimizer",
            "--rslora[=true|false]",
            "3 too little changed, or",
            "lorikeet-runs(1)")) {
      assertTrue(shown.contains(words), words + ": " + shown);
    }
  }

  private Path bash() {
    return share.resolve("bash-completion/completions/lorikeet");
  }

  private Path zsh() {
    return share.resolve("zsh/site-functions/_lorikeet");
  }

  private Path fish() {
    return share.resolve("fish/vendor_completions.d/lorikeet.fish");
  }

  private static void requireTool(String name) {
    boolean there =
        Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, name)));
    assumeTrue(there, name + " isn't installed");
  }

  private static List<String> sorted(String lines) {
    TreeSet<String> sorted = new TreeSet<>();
    lines.lines().map(String::strip).filter(line -> !line.isEmpty()).forEach(sorted::add);
    return List.copyOf(sorted);
  }

  /// All that a command prints, errors too.
  private static String output(List<String> command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "it doesn't end");
    return output;
  }
}
