package io.lorikeet.cli;

import io.lorikeet.export.analysis.AdapterCombiner;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.OutputPlan;
import io.lorikeet.quant.PathParts;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `lorikeet resize`.
@Command(
    name = "resize",
    description = "Lower an adapter's rank, losing as little of what it does as possible.")
@Inputs(value = "--adapter", needed = 1)
final class ResizeCommand extends WritingCommand {

  @Option(names = "--adapter", paramLabel = "FILE", description = "adapter, a GGUF file")
  private Path adapter;

  @Option(
      names = "--rank",
      required = true,
      paramLabel = "R",
      converter = NumberOptions.Rank.class,
      description = "rank to reach")
  private int rank;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "adapter to write (default: ADAPTER-rankR.gguf beside ADAPTER)")
  private Optional<Path> output = Optional.empty();

  @Option(
      names = "--model",
      paramLabel = "BASE",
      description = "its base, to check it against; needed where it doesn't say which it is")
  private Optional<Path> model = Optional.empty();

  @Option(
      names = "--store",
      paramLabel = "TYPE",
      description = "numbers in the file: F32, F16, BF16 or Q8_0 (default: ${DEFAULT-VALUE})")
  private AdapterStorage storage = AdapterStorage.F32;

  @Option(
      names = "--force",
      description =
          "replace an output that exists, and take an adapter that was trained on another base, if"
              + " its shapes fit")
  private boolean force;

  @Override
  OutputPlan files() throws IOException {
    model = BaseOption.find(spec, model);
    return new OutputPlan()
        .reads("--adapter", adapter)
        .reads("--model", model.orElse(null))
        .writes("--output", target());
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    AdapterFile file;
    BaseIdentity base;
    if (model.isPresent()) {
      try (GgufFile gguf = GgufFile.open(model.get())) {
        file = AdapterFile.read(adapter, gguf, force);
        base = BaseIdentity.of(gguf);
      }
    } else {
      file = AdapterFile.read(adapter);
      base =
          file.base()
              .orElseThrow(
                  () ->
                      new InvalidInputException(
                          adapter + " doesn't say which base it is for. Give it with --model"));
    }
    int highest = AdapterCombiner.ranks(file.adapter()).getLast();
    if (highest <= rank) {
      throw new InvalidInputException(
          "%s has rank %s already; give --rank below that".formatted(adapter, highest));
    }
    PrintWriter out = spec.commandLine().getOut();
    LoraAdapter resized = RankReport.compress(file.adapter(), rank, out);
    Map<String, String> made = new LinkedHashMap<>(file.training());
    made.put("resized-rank", String.valueOf(rank));
    AdapterMetadata metadata = new AdapterMetadata(base, made, file.template());
    AdapterOutput.write(resized, metadata, storage, target(), model, out);
    return 0;
  }

  private Path target() {
    if (output.isPresent()) {
      return output.get();
    }
    String name = PathParts.name(adapter).replaceFirst("\\.gguf$", "");
    return adapter.resolveSibling(name + "-rank" + rank + ".gguf");
  }
}
