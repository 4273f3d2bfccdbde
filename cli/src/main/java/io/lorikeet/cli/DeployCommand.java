package io.lorikeet.cli;

import io.lorikeet.export.merge.AdapterMerger;
import io.lorikeet.export.merge.MergeTypes;
import io.lorikeet.finetune.serving.OllamaTemplate;
import io.lorikeet.finetune.serving.ServingProgram;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.AtomicFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.ShellText;
import io.lorikeet.quant.TemporaryFiles;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `lorikeet deploy`.
@Command(
    name = "deploy",
    description = {
      "Bring an adapter to the program that you chat with.",
      "For Ollama and LM Studio, which load no adapters, it is merged into its base, in the base's own types, and the"
          + " merged file is proven in llama.cpp."
    },
    exitCodeListHeading = ProofExitCode.EXIT_CODES,
    exitCodeList = {
      ProofExitCode.PROVEN,
      ProofExitCode.FAILED,
      ProofExitCode.BAD_INPUT,
      ProofExitCode.INCONCLUSIVE
    })
@Inputs(value = "--adapter", needed = 1)
final class DeployCommand extends WritingCommand {
  private static final String GGUF = ".gguf";

  /// Where it goes. Names are those on the command line.
  enum ChatTool {
    OLLAMA("ollama"),
    LM_STUDIO("lmstudio"),
    LLAMA_SERVER("llama-server");

    private final String name;

    ChatTool(String name) {
      this.name = name;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  @Option(
      names = "--to",
      required = true,
      paramLabel = "ollama|lmstudio|llama-server",
      description = "the program")
  private ChatTool tool;

  @Mixin private ServedOption served = new ServedOption();

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "the model's name there (default: the run's or the adapter's)")
  private Optional<String> name = Optional.empty();

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description =
          "merged model to write (default: NAME.gguf in this folder, or in LM Studio's folder of"
              + " models)")
  private Optional<Path> output = Optional.empty();

  @Option(
      names = "--force",
      description =
          "replace outputs that exist, take an adapter of another base whose shapes fit, and let"
              + " Ollama choose a template where it can't be told the right one")
  private boolean force;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Override
  OutputPlan files() throws IOException {
    OutputPlan plan =
        new OutputPlan()
            .reads("--adapter", served.adapter().orElseThrow())
            .reads("--model", served.base());
    if (tool != ChatTool.LLAMA_SERVER) {
      plan.writes("--output", merged());
    } else if (output.isPresent()) {
      throw new InvalidInputException("--output is for ollama and lmstudio: nothing is merged");
    }
    return tool == ChatTool.OLLAMA ? plan.writes("--output", modelfile()) : plan;
  }

  @Override
  boolean replaces() {
    return force;
  }

  /// Small letters, digits and some signs, which every program takes for a name.
  private String name() throws IOException {
    String given = name.isPresent() ? name.get() : served.name();
    String plain = given.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9._-]+", "-");
    return plain.replaceFirst("^[._-]+", "").isEmpty()
        ? "model"
        : plain.replaceFirst("^[._-]+", "");
  }

  private Path merged() throws IOException {
    if (output.isPresent()) {
      return output.get();
    }
    String file = name() + GGUF;
    if (tool == ChatTool.OLLAMA) {
      return Path.of(file);
    }
    Path models = Path.of(System.getProperty("user.home"), ".lmstudio", "models");
    if (!Files.isDirectory(models)) {
      throw new InvalidInputException(
          "LM Studio has no folder %s; name the file in its folder of models with --output, PUBLISHER/MODEL/FILE.gguf"
              .formatted(models));
    }
    Path folder = models.resolve("local").resolve(name());
    Files.createDirectories(folder);
    return folder.resolve(file);
  }

  private Path modelfile() throws IOException {
    Path file = merged();
    String stem = file.getFileName().toString().replaceFirst("(?i)\\.gguf$", "");
    return file.resolveSibling(stem + ".Modelfile");
  }

  @Override
  int run() throws IOException {
    ProgressLine line = ProgressLine.of(spec);
    return switch (tool) {
      case OLLAMA -> toOllama(line);
      case LM_STUDIO -> toLmStudio(line);
      case LLAMA_SERVER -> toLlamaServer(line);
    };
  }

  private int toLlamaServer(ProgressLine line) throws IOException {
    served.prepare(force);
    Path adapter = served.adapter().orElseThrow();
    line.println(
        "  llama-server "
            + ServingText.words(ServingText.arguments(served.base(), Optional.of(adapter))));
    line.sentence(
        "'%s serve' with the same arguments starts it, where it is installed"
            .formatted(ShellText.program()));
    return 0;
  }

  private int toLmStudio(ProgressLine line) throws IOException {
    int proven = merge(line);
    if (proven != Failure.FAILED) {
      line.println(
          "LM Studio lists it as " + merged().toAbsolutePath().resolveSibling("").getFileName());
    }
    return proven;
  }

  private int toOllama(ProgressLine line) throws IOException {
    checkTemplate();
    int proven = merge(line);
    if (proven == Failure.FAILED) {
      return proven;
    }
    Path file = modelfile();
    try (AtomicFile written = AtomicFile.create(file)) {
      Files.write(written.path(), ServingText.modelfile(merged()));
      written.commit();
    }
    List<String> command = List.of("create", name(), "-f", file.toString());
    Optional<Path> program = ServingProgram.onPath("ollama");
    if (program.isEmpty()) {
      line.sentence("ollama isn't on the PATH. Where it is:");
      line.println("  ollama " + ServingText.words(command));
      return proven;
    }
    create(program.get(), command, line);
    line.println("ollama has it: ollama run " + name());
    return proven;
  }

  /// Ollama's language has to express the chat template that the adapter was trained with, or else
  /// prompts are others than those it learned.
  private void checkTemplate() throws IOException {
    OllamaTemplate template =
        OllamaTemplate.of(
            served.base(),
            AdapterFile.template(served.adapter().orElseThrow()).map(TrainedTemplate::text));
    if (template.text().isEmpty() && !force) {
      throw new InvalidInputException(
          "Ollama can't serve it rightly: its language of templates can't say %s as the chat template does. Take --to llama-server or lmstudio; --force lets Ollama choose a template that is like it"
              .formatted(template.obstacle()));
    }
  }

  private void create(Path program, List<String> arguments, ProgressLine line) throws IOException {
    Path log = Files.createTempFile("lorikeet-ollama", ".log");
    TemporaryFiles.add(log);
    try {
      line.update("ollama takes it in");
      List<String> command = new ArrayList<>(List.of(program.toString()));
      command.addAll(arguments);
      int code = ServingProgram.start(command, log).waitFor();
      line.clear();
      if (code != 0) {
        throw new IOException(
            "ollama create ended with %s: %s".formatted(code, ServeCommand.lastLines(log)));
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while ollama took the model in");
    } finally {
      Files.deleteIfExists(log);
      TemporaryFiles.remove(log);
    }
  }

  /// Merges, proves, and only then gives the file its name.
  private int merge(ProgressLine line) throws IOException {
    Path adapter = served.adapter().orElseThrow();
    try (AtomicFile file = AtomicFile.create(merged())) {
      try (GgufFile base = GgufFile.open(served.base())) {
        ModelLoader.check(base);
        AdapterFile read = AdapterFile.read(adapter, base, force);
        AdapterMerger merger =
            new AdapterMerger(
                base,
                List.of(new AdapterMerger.Adapter(adapter, read.adapter(), 1)),
                new AdapterMerger.MergeSettings(
                    MergeTypes.KEEP, Rounding.DITHERED, _ -> null, threads.count()));
        merger.check(file.path());
        merger.merge(
            file.path(),
            (done, total) -> line.update("merging: " + Words.percent((double) done / total)));
      }
      line.update("asking the merged file");
      MergeProof proof =
          new MergeProof(
              served.base(),
              new AdapterArgument(adapter, 1),
              force,
              file.path(),
              null,
              threads.count());
      line.clear();
      int proven = proof.run(spec.commandLine().getOut(), false);
      if (proven == Failure.FAILED) {
        line.sentence("not deployed: the merged file doesn't do what base and adapter do");
        return proven;
      }
      file.commit();
      line.println("%s: %s".formatted(merged(), Words.bytes(Files.size(merged()))));
      return proven;
    }
  }
}
