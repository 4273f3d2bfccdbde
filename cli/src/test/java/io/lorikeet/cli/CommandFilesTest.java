package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/// No command overwrites what it reads, whichever options name it, nor what exists. A new command
/// or option fails here until it is said what it does to files.
class CommandFilesTest {
  /// Parameters in words that stand for a value, not for a file. Choices are in lower case.
  private static final List<String> VALUES =
      words(
          "N T R P K KL TYPE keep|TYPE NAME NAME:TYPE hf:OWNER/REPO/FILE SHAPE SIZE TOKENS ROWS RATE RATIO"
              + " N|auto[:PARAMETERS] SHARE SHARE|STEPS STEPS NORM NUMBER ALPHA KEY=KEY TIME TIME|STEPS TIME|none WEIGHT ADDRESS");

  /// Options that take a text as it is.
  private static final Set<String> TEXTS =
      Set.of("--prompt", "--system", "--name", "--note", "--invocation", "--query-prefix");

  /// Commands that write nothing, with all their parameters that name files.
  private static final Map<String, Set<String>> READING =
      Map.ofEntries(
          Map.entry(
              "data",
              Set.of(
                  "--model", "--data", "--replay", "--validation", "--chat-template", "--config")),
          Map.entry("generate", Set.of("--model", "--adapter", "--chat-template")),
          Map.entry("chat", Set.of("--model", "--adapter", "--chat-template")),
          Map.entry(
              "verify", Set.of("--model", "--adapter", "--data", "--merged", "--chat-template")),
          Map.entry("inspect", Set.of("--adapter", "--model")),
          Map.entry("diff", Set.of("--adapter")),
          Map.entry("runs", Set.of("--folder")),
          Map.entry("watch", Set.of("--run")),
          Map.entry("serve", Set.of("--adapter", "--model", "--server")),
          // Each run of these looks after outputs as train does.
          Map.entry("sweep", Set.of("--config")),
          Map.entry("train-many", Set.of("--config")),
          Map.entry(
              "plan",
              Set.of(
                  "--model",
                  "--data",
                  "--replay",
                  "--validation",
                  "--chat-template",
                  "--init-adapter",
                  "--neutral",
                  "--gate",
                  "--reference-adapter",
                  "--sample",
                  "--config",
                  "--output",
                  "--run")));

  /// Folders of files with names that nobody else gives, and what says where the program and its
  /// cluster are.
  private static final Set<String> OTHERS =
      Set.of("--cache", "--native-dir", "--resume", "--cluster-config");

  /// Commands that write: what begins with `in/` is read, what begins with `out/` written.
  private static final List<List<String>> WRITING =
      List.of(
          words(
              "train --model in/base.gguf --data in/x.jsonl --replay in/o.jsonl:0.2 --validation in/v.jsonl --chat-template"
                  + " in/t.jinja --init-adapter in/i.gguf --reference-adapter in/r.gguf --config in/c.yaml --neutral in/n.jsonl"
                  + " --keep-base 1 --gate in/g.yaml --sample in/s.txt --evaluate-every 1"
                  + " --output out/a.gguf --run out/run"),
          words("train --model in/base.gguf --data in/folder --output out/a.gguf"),
          words(
              "merge --model in/base.gguf --adapter in/a.gguf --adapter in/b.gguf:2 --imatrix"
                  + " in/i.gguf --data in/x.jsonl --output out/m.gguf"),
          words("import --adapter in/folder --model in/base.gguf --output out/a.gguf"),
          words("import --adapter in/folder --model in/base.gguf --merge-into out/m.gguf"),
          words(
              "export --adapter in/a.gguf --model in/base.gguf --format gguf --output out/b.gguf"),
          words(
              "combine --adapter in/a.gguf --adapter in/b.gguf:0.5 --model in/base.gguf --output"
                  + " out/c.gguf"),
          words("resize --adapter in/a.gguf --rank 1 --model in/base.gguf --output out/r.gguf"),
          words(
              "quantize --model in/base.gguf --output out/q.gguf --type Q4_0 --imatrix in/i.gguf"
                  + " --report --data in/x.txt"),
          words("imatrix --model in/base.gguf --data in/x.txt --output out/i.gguf"),
          words(
              "eval --model in/base.gguf --adapter in/a.gguf --merged in/m.gguf --data in/x.jsonl"
                  + " --tasks in/t.jsonl --gate in/g.yaml --chat-template in/t.jinja --json"
                  + " out/f.json"),
          words("pull --model hf:some/parrot/parrot.gguf --output out/m.gguf"),
          words("deploy --to ollama --adapter in/a.gguf --model in/base.gguf --output out/m.gguf"),
          words("convert --model in/folder --output out/m.gguf"),
          words(
              "init --model in/base.gguf --data in/x.jsonl --goal adapter --time none --output"
                  + " out/c.yaml"),
          words("compare --run in/folder --run in/other --output out/page.html"),
          words("bench --model in/base.gguf --compare in/r.json --json out/f.json"),
          words("bench --make S --type Q4_0 --output out/b.gguf"));

  @TempDir private Path folder;

  private static List<String> words(String command) {
    return List.of(command.split(" "));
  }

  @Test
  void everyParameterThatNamesAFileIsKnown() {
    Map<String, Set<String>> known = new LinkedHashMap<>();
    READING.forEach((command, names) -> known.put(command, new LinkedHashSet<>(names)));
    for (List<String> words : WRITING) {
      CommandLine.ParseResult parsed =
          commands().parseArgs(words.toArray(String[]::new)).subcommand();
      Set<String> names = known.computeIfAbsent(words.getFirst(), _ -> new LinkedHashSet<>());
      parsed.matchedArgs().forEach(argument -> names.add(name(argument)));
    }
    Set<String> unknown = new TreeSet<>();
    commands()
        .getSubcommands()
        .forEach(
            (command, line) -> {
              for (ArgSpec argument : line.getCommandSpec().args()) {
                Set<String> names = known.getOrDefault(command, Set.of());
                if (mayNameAFile(argument) && !names.contains(name(argument))) {
                  unknown.add(command + " " + name(argument) + " " + argument.paramLabel());
                }
              }
            });
    assertEquals(Set.of(), unknown, "classify these, and try those that are written");
  }

  @Test
  void forceReplacesOutputsWhereThereAreSome() {
    commands()
        .getSubcommands()
        .forEach(
            (command, line) -> {
              OptionSpec force = line.getCommandSpec().findOption("--force");
              if (force != null) {
                boolean replaces = String.join(" ", force.description()).contains("replace ");
                boolean writes =
                    WRITING.stream().anyMatch(words -> words.getFirst().equals(command));
                assertEquals(writes, replaces, command + " --help");
              }
            });
  }

  private static CommandLine commands() {
    return Main.program(new Main(new Interruption(Screen.none()), Screen.none()))
        .setCaseInsensitiveEnumValuesAllowed(true);
  }

  private static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }

  private static boolean mayNameAFile(ArgSpec argument) {
    String label = argument.paramLabel();
    return argument.arity().max() > 0
        && !label.equals(label.toLowerCase(Locale.ROOT))
        && !VALUES.contains(label)
        && !TEXTS.contains(name(argument))
        && !OTHERS.contains(name(argument));
  }

  /// Outputs take turns as links to each input, or to a file in it where it is a folder.
  @Test
  void noOutputIsAnInput() throws IOException {
    int count = 0;
    for (List<String> words : WRITING) {
      List<String> outputs = words.stream().filter(word -> word.startsWith("out/")).toList();
      for (String input : words.stream().filter(word -> word.startsWith("in/")).toList()) {
        Path place = Files.createTempDirectory(folder, "files");
        makeInputs(words, place);
        Path read = place.resolve(input.replaceFirst(":.*", ""));
        Path file = Files.isDirectory(read) ? read.resolve("train.jsonl") : read;
        String output = outputs.get(count % outputs.size());
        link(outputFile(place.resolve(output)), file, count % 4 < 2);
        refused(words, place, count % 3 == 0);
        count++;
      }
    }
  }

  /// The output, or where it is a folder a file that is written to it.
  private static Path outputFile(Path output) throws IOException {
    return output.endsWith("run")
        ? Files.createDirectories(output).resolve("metrics.jsonl")
        : output;
  }

  private static void link(Path link, Path file, boolean hard) throws IOException {
    if (hard) {
      Files.createLink(link, file);
    } else {
      Files.createSymbolicLink(link, file);
    }
  }

  private static void refused(List<String> words, Path place, boolean force) throws IOException {
    Map<Path, String> before = contents(place);
    List<String> command =
        new ArrayList<>(words.stream().map(word -> placed(word, place)).toList());
    if (force) {
      command.add("--force");
    }
    CommandRun run = CommandRun.of(command.toArray());
    String what = command + ": " + run.err();
    assertEquals(2, run.exitCode(), what);
    assertTrue(run.err().contains("would overwrite"), what);
    assertEquals(before, contents(place), what);
  }

  private static String placed(String word, Path place) {
    return word.startsWith("in/") || word.startsWith("out/")
        ? place.resolve(word).toString()
        : word;
  }

  private static void makeInputs(List<String> words, Path place) throws IOException {
    Files.createDirectories(place.resolve("in/folder"));
    Files.createDirectories(place.resolve("out"));
    for (String word : words) {
      if (word.startsWith("in/") && !word.equals("in/folder")) {
        Files.writeString(
            place.resolve(word.replaceFirst(":.*", "")),
            word.equals("in/g.yaml") ? "improve: [{tasks: tasks.jsonl}]\n" : "seed: 1\n");
      }
    }
    Files.writeString(place.resolve("in/folder/train.jsonl"), "seed: 1\n");
  }

  /// All files with their bytes, and all folders.
  private static Map<Path, String> contents(Path place) throws IOException {
    Map<Path, String> contents = new LinkedHashMap<>();
    try (Stream<Path> files = Files.walk(place)) {
      for (Path file : files.sorted().toList()) {
        boolean regular = Files.isRegularFile(file);
        contents.put(file, regular ? HexFormat.of().formatHex(Files.readAllBytes(file)) : "");
      }
    }
    return contents;
  }

  @Test
  void whatExistsIsReplacedOnlyByForce() throws IOException {
    for (List<String> words : WRITING) {
      if (words.getFirst().equals("train")) {
        continue; // which looks after its base before its output
      }
      Path place = Files.createTempDirectory(folder, "files");
      makeInputs(words, place);
      String output = words.stream().filter(word -> word.startsWith("out/")).findFirst().get();
      Files.writeString(place.resolve(output), "earlier");
      Map<Path, String> before = contents(place);
      Object[] command = words.stream().map(word -> placed(word, place)).toArray();
      CommandRun.of(command).assertFails(2, output + " exists already. --force replaces it");
      assertEquals(before, contents(place));
      if (!words.contains("--make") && !words.contains("pull")) { // which would ask a hub
        List<Object> forced = new ArrayList<>(List.of(command));
        forced.add("--force");
        CommandRun run = CommandRun.of(forced.toArray());
        assertTrue(run.exitCode() == 2 && !run.err().contains("exists already"), run.err());
        assertEquals(before, contents(place)); // the inputs are no models
      }
    }
  }

  @Test
  void whatAGateOrAScorerReadsIsNotOverwritten() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"text\": \"a b c d\"}\n");
    Path gate =
        Files.writeString(
            folder.resolve("g.yaml"),
            """
            improve: [{tasks: t.jsonl, scorer: "json-schema:s.json"}]
            keep: [{tasks: k.jsonl}]
            echo: {data: e.jsonl}
            """);
    for (String name :
        List.of("t.jsonl", "s.json", "k.jsonl", "e.jsonl", "g.neutral.json", "g.yaml")) {
      Path file = folder.resolve(name);
      if (!file.equals(gate)) {
        Files.writeString(file, "{}");
      }
      String before = Files.readString(file);
      CommandRun.of("eval", base, "--merged", base, "--gate", gate, "--json", file, "--force")
          .assertFails(2, "would overwrite", name);
      CommandRun.of(
              "train",
              "--model",
              base,
              "--data",
              data,
              "--gate",
              gate,
              "--context",
              32,
              "--output",
              file,
              "--force")
          .assertFails(2, "would overwrite", name);
      assertEquals(before, Files.readString(file));
    }
    Path schema = folder.resolve("s.json");
    CommandRun.of(
            "eval",
            base,
            "--tasks",
            data,
            "--scorer",
            "json-schema:" + schema,
            "--json",
            schema,
            "--force")
        .assertFails(2, "would overwrite", "s.json");
  }

  /// Java gives the last name of the root as null.
  @Test
  void theRootIsAFolderToo() throws IOException {
    Path base = Files.writeString(folder.resolve("base.gguf"), "");
    Path data = Files.writeString(folder.resolve("data.jsonl"), "{\"text\": \"a\"}\n");
    CommandRun.of("train", "--model", base, "--data", data, "--output", "/")
        .assertFails(2, "output: / is a folder");
  }

  @Test
  void aFolderIsNotWrittenInto() throws IOException {
    Path read = Files.createDirectory(folder.resolve("read"));
    Files.writeString(read.resolve("train.jsonl"), "{\"text\": \"a\"}\n", StandardCharsets.UTF_8);
    Path base = Files.writeString(folder.resolve("base.gguf"), "");
    Path link = Files.createSymbolicLink(folder.resolve("link"), read);
    for (Path output : List.of(read.resolve("a.gguf"), link.resolve("a.gguf"))) {
      CommandRun.of("convert", read, output).assertFails(2, "into the folder", "(--model)");
      CommandRun.of("import", read, "--model", base, "--output", output)
          .assertFails(2, "into the folder", "(--adapter)");
      CommandRun.of("train", "--model", base, "--data", read, "--output", output)
          .assertFails(2, "into the folder", "(data)");
    }
    CommandRun.of("train", "--model", base, "--data", read, "--output", folder, "--run", read)
        .assertFails(2, "output: " + folder + " is a folder");
    Path run = folder.resolve("run");
    for (String name : List.of("config.yaml", "checkpoints/x", "adapter.gguf", "run.lock")) {
      CommandRun refusal =
          CommandRun.of(
              "train",
              "--model",
              base,
              "--data",
              read,
              "--output",
              run.resolve(name),
              "--run",
              run);
      assertEquals(2, refusal.exitCode());
      assertTrue(refusal.err().contains("would be written twice"), refusal.err());
    }
  }
}
