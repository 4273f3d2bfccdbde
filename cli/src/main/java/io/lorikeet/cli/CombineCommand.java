package io.lorikeet.cli;

import io.lorikeet.export.analysis.AdapterCombiner;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `lorikeet combine`.
@Command(
    name = "combine",
    description = {
      "Make one adapter that does what several do together, each at its scale.",
      "Exactly, by putting their ranks side by side; or of a given rank, as closely as it can."
    })
@Inputs(value = "--adapter", needed = 1)
final class CombineCommand extends WritingCommand {

  @Option(
      names = "--adapter",
      paramLabel = "FILE[:SCALE]",
      description =
          "adapter, a GGUF file, and how much of it (default: 1); once for each, all of one base")
  private List<String> arguments;

  private List<AdapterArgument> adapters = List.of();

  @Option(
      names = "--output",
      required = true,
      paramLabel = "FILE",
      description = "adapter to write, a GGUF file")
  private Path output;

  @Option(
      names = "--rank",
      paramLabel = "R",
      converter = NumberOptions.Rank.class,
      description = "keep only the R largest singular values of each change of a weight")
  private Optional<Integer> rank = Optional.empty();

  @Option(
      names = "--model",
      paramLabel = "BASE",
      description = "their base, to check them against; needed where none says which it is")
  private Optional<Path> model = Optional.empty();

  @Option(
      names = "--store",
      paramLabel = "TYPE",
      description = "numbers in the file: F32, F16, BF16 or Q8_0 (default: ${DEFAULT-VALUE})")
  private AdapterStorage storage = AdapterStorage.F32;

  @Option(
      names = "--force",
      description =
          "replace an output that exists, and combine adapters of different bases that fit"
              + " together")
  private boolean force;

  @Override
  OutputPlan files() throws IOException {
    model = BaseOption.find(spec, model);
    OutputPlan plan =
        new OutputPlan().reads("--model", model.orElse(null)).writes("--output", output);
    arguments.forEach(text -> plan.reads("--adapter", AdapterArgument.of(text).file()));
    return plan;
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    adapters = arguments.stream().map(AdapterArgument::of).toList();
    PrintWriter out = spec.commandLine().getOut();
    List<AdapterFile> files = new ArrayList<>();
    BaseIdentity base;
    if (model.isPresent()) {
      try (GgufFile gguf = GgufFile.open(model.get())) {
        for (AdapterArgument adapter : adapters) {
          files.add(AdapterFile.read(adapter.file(), gguf, force));
        }
        base = BaseIdentity.of(gguf);
      }
    } else {
      for (AdapterArgument adapter : adapters) {
        files.add(AdapterFile.read(adapter.file()));
      }
      base = commonBase(files);
    }
    LoraAdapter combined = AdapterCombiner.concatenate(parts(files));
    Map<String, String> made = new LinkedHashMap<>();
    made.put(
        "combined",
        adapters.stream().map(AdapterArgument::inWords).collect(Collectors.joining(" ")));
    if (rank.isPresent()) {
      combined = RankReport.compress(combined, rank.get(), out);
      made.put("combined-rank", rank.get().toString());
    }
    List<TrainedTemplate> templates =
        files.stream().flatMap(file -> file.template().stream()).distinct().toList();
    Optional<TrainedTemplate> template =
        templates.size() == 1 ? Optional.of(templates.getFirst()) : Optional.empty();
    AdapterMetadata metadata = new AdapterMetadata(base, made, template);
    AdapterOutput.write(combined, metadata, storage, output, model, out);
    return 0;
  }

  private List<AdapterCombiner.ScaledAdapter> parts(List<AdapterFile> files) {
    List<AdapterCombiner.ScaledAdapter> parts = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      AdapterArgument argument = adapters.get(i);
      parts.add(
          new AdapterCombiner.ScaledAdapter(
              argument.file().toString(), files.get(i).adapter(), argument.scale()));
    }
    return parts;
  }

  private BaseIdentity commonBase(List<AdapterFile> files) {
    Map<String, BaseIdentity> bases = new LinkedHashMap<>();
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      Optional<BaseIdentity> base = files.get(i).base();
      base.ifPresent(identity -> bases.put(identity.hash(), identity));
      problems.add(
          adapters.get(i).file()
              + base.map(
                      identity ->
                          " for %s, %s, SHA-256 %.12s…"
                              .formatted(identity.name(), identity.quantization(), identity.hash()))
                  .orElse(" for a base that it doesn't name"));
    }
    if (bases.isEmpty()) {
      throw new InvalidInputException(
          "none of these adapters says which base it is for. Give it with --model");
    }
    if (bases.size() > 1 && !force) {
      throw InvalidInputException.of(
          "these adapters were made for different bases; --force combines them all the same, if their shapes agree",
          problems);
    }
    return bases.values().iterator().next();
  }
}
