package io.lorikeet.cli;

import io.lorikeet.export.analysis.ExpertPairs;
import io.lorikeet.export.analysis.PairAnalysis;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.SafetensorsFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `lorikeet inspect`.
@Command(
    name = "inspect",
    description = {
      "Show what a GGUF or safetensors file holds: metadata, tensors, sizes, hashes.",
      "Of an adapter also what it does to each weight: how large the change is and in how many directions."
    })
@Inputs(value = "--adapter", needed = 0)
final class InspectCommand implements Callable<Integer> {
  private static final byte[] GGUF = "GGUF".getBytes(StandardCharsets.US_ASCII);

  @Spec private CommandSpec spec;

  @Option(
      names = "--adapter",
      paramLabel = "FILE",
      description =
          "an adapter, a model or a checkpoint; GGUF or safetensors, or a folder of these")
  private Optional<Path> path = Optional.empty();

  @Option(
      names = "--model",
      paramLabel = "BASE",
      description =
          "base of the adapter: compares each change with the weight it changes (reads the base three times)")
  private Optional<Path> model = Optional.empty();

  @Option(names = "--hashes", description = "SHA-256 of the file and of each tensor's data")
  private boolean hashes;

  @Option(
      names = "--force",
      description = "take a base that the adapter wasn't made for, if it fits")
  private boolean force;

  @Option(names = "--json", description = "print JSON, with all singular values")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    Path given =
        path.or(() -> model)
            .orElseThrow(() -> new ParameterException(spec.commandLine(), "give a FILE"));
    if (path.isPresent()) {
      model = BaseOption.find(spec, model);
    } else { // a model alone
      model = Optional.empty();
    }
    if (!isGguf(given)) {
      try (SafetensorsFile file = SafetensorsFile.open(given)) {
        print(FileSummary.of(file), Optional.empty(), Optional.empty(), out);
      }
      return 0;
    }
    Optional<AdapterReport> adapter = Optional.empty();
    try (GgufFile file = GgufFile.open(given)) {
      if (file.metadata().string("general.type").orElse("").equals("adapter")) {
        adapter = Optional.of(analyse(given));
      } else if (model.isPresent()) {
        throw new InvalidInputException(
            given + " is no adapter, so there is nothing to compare with --model " + model.get());
      }
      Optional<String> hash = hashes ? Optional.of(file.hash()) : Optional.empty();
      print(FileSummary.of(file), hash, adapter, out);
    }
    return 0;
  }

  private static boolean isGguf(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return false;
    }
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString());
    }
    try (InputStream stream = Files.newInputStream(path)) {
      if (Arrays.equals(stream.readNBytes(GGUF.length), GGUF)) {
        return true;
      }
    }
    String name = path.getFileName().toString();
    if (!name.endsWith(".safetensors") && !name.endsWith(".json")) {
      throw new InvalidInputException(
          path
              + " is neither a GGUF file nor a safetensors file (by its first bytes and its name)");
    }
    return false;
  }

  private AdapterReport analyse(Path path) throws IOException {
    if (model.isEmpty()) {
      AdapterFile file = AdapterFile.read(path);
      List<PairAnalysis> analyses =
          ExpertPairs.apart(file.adapter().pairs()).parallelStream()
              .map(pair -> PairAnalysis.of(pair, file.adapter().alpha()))
              .toList();
      return new AdapterReport(file, analyses, OptionalLong.empty());
    }
    try (GgufFile base = GgufFile.open(model.get())) {
      AdapterFile file = AdapterFile.read(path, base, force);
      List<PairAnalysis> analyses =
          ExpertPairs.apart(file.adapter().pairs()).parallelStream()
              .map(pair -> PairAnalysis.of(pair, file.adapter().alpha(), base))
              .toList();
      return new AdapterReport(file, analyses, OptionalLong.of(base.parameterCount()));
    }
  }

  private void print(
      FileSummary summary, Optional<String> hash, Optional<AdapterReport> adapter, PrintWriter out)
      throws IOException {
    if (json) {
      Map<String, Object> all = summary.json(hashes);
      hash.ifPresent(value -> all.put("sha256", value));
      adapter.ifPresent(report -> all.put("adapter", report.json()));
      out.println(JsonText.of(all));
      return;
    }
    hash.ifPresent(value -> out.println("SHA-256 " + value));
    summary.lines(hashes).forEach(out::println);
    adapter.ifPresent(
        report -> {
          report.lines().forEach(out::println);
          if (model.isEmpty()) {
            out.println("With --model BASE: how the changes relate to the weights they change.");
          }
        });
  }
}
