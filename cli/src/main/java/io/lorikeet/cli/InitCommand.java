package io.lorikeet.cli;

import io.lorikeet.finetune.FirstRun;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.PathParts;
import io.lorikeet.quant.ShellText;
import io.lorikeet.train.settings.RunFiles;
import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/// `lorikeet init`.
@Command(
    name = "init",
    description = {
      "Ask for base, data, goal and time, look at them, and write a configuration file to train with.",
      "An answer that is given as an option isn't asked for. Nothing is trained yet."
    })
@Inputs(
    value = {"--model", "--data"},
    needed = 0)
final class InitCommand extends WritingCommand {
  @Option(names = "--model", paramLabel = BaseOption.LABEL, description = BaseOption.DESCRIPTION)
  private Optional<Path> model = Optional.empty();

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "training examples: a file, a folder or a pattern")
  private Optional<Path> data = Optional.empty();

  @Option(
      names = "--goal",
      paramLabel = "adapter|merged",
      description = "an adapter that is loaded beside its base, or one that is merged into it")
  private Optional<String> goal = Optional.empty();

  @Option(
      names = "--time",
      paramLabel = "TIME|none",
      description = "stop after this time, such as 2h, with a checkpoint to go on from")
  private Optional<String> time = Optional.empty();

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "configuration file to write (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("lorikeet.yaml");

  @Option(names = "--force", description = "replace an output that exists")
  private boolean force;

  @Override
  OutputPlan files() throws IOException {
    model = BaseOption.find(spec, model);
    return new OutputPlan()
        .reads("--model", model.orElse(null))
        .reads("--data", data.orElse(null))
        .writes("--output", output);
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    InitAnswers given = new InitAnswers(model, data.map(Path::toString), goal, time);
    List<String> missing = given.missing();
    if (!missing.isEmpty() && !onTerminal()) {
      throw new ParameterException(
          spec.commandLine(),
          "nobody can be asked without a terminal; give %s as well"
              .formatted(String.join(", ", missing)));
    }
    ProgressLine line = ProgressLine.of(spec);
    InitDialogue dialogue =
        new InitDialogue(
            new BufferedReader(new InputStreamReader(System.in, inputEncoding())),
            spec.commandLine().getOut(),
            line,
            BaseOption.finder(spec));
    InitDialogue.Result result = dialogue.run(given, Path.of(""));
    write(result);
    return result.run().memory().fits() ? 0 : Failure.FAILED;
  }

  private void write(InitDialogue.Result result) throws IOException {
    Path adapter = freeName(PathParts.folder(output.toAbsolutePath()));
    String text = new InitFile(result, adapter, output).text();
    try (AtomicFile file = AtomicFile.create(output)) {
      Files.writeString(file.path(), text);
      file.commit();
    }
    PrintWriter out = spec.commandLine().getOut();
    FirstRun run = result.run();
    run.memory().advice().ifPresent(advice -> out.println("warning: " + advice));
    out.println("wrote " + output);
    out.println(
        "next: %s train --config %s --watch"
            .formatted(ShellText.program(), ShellText.quoted(output)));
  }

  /// A name beside the configuration that no adapter has yet, relative where that is shorter.
  private static Path freeName(Path folder) {
    Path working = Path.of("").toAbsolutePath();
    Path shown = folder.startsWith(working) ? working.relativize(folder) : folder;
    Path free = shown.resolve("adapter.gguf");
    for (int number = 2; Files.exists(free) || Files.exists(RunFiles.beside(free)); number++) {
      free = shown.resolve("adapter-" + number + ".gguf");
    }
    return free;
  }

  /// Whether a person both types and reads.
  private static boolean onTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  private static Charset inputEncoding() {
    return Charset.forName(System.getProperty("stdin.encoding", "UTF-8"));
  }
}
