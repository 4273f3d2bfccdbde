package io.lorikeet.cli;

import io.lorikeet.export.AdapterFile;
import io.lorikeet.export.MergeVerification;
import io.lorikeet.export.MergeVerifier;
import io.lorikeet.export.merge.AdapterMerger;
import io.lorikeet.export.merge.MergeReport;
import io.lorikeet.export.merge.MergeTypes;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.LlamaLimits;
import io.lorikeet.train.ProcessorCores;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `lorikeet merge`.
@Command(
    name = "merge",
    description = {
      "Fold adapters into their base, for programs that load no adapters.",
      "Tells how much of the update is left after rounding to the base's own types."
    })
final class MergeCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "FILE",
      description = "base, a GGUF file")
  private Path model;

  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "FILE[:SCALE]",
      description = "adapter, a GGUF file, and how much of it (default: 1); may be repeated")
  private List<String> adapters;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "FILE",
      description = "merged model to write, a GGUF file")
  private Path output;

  @Option(
      names = "--rounding",
      paramLabel = "shaped|nearest",
      description = "how values are rounded to their type (default: ${DEFAULT-VALUE})")
  private Rounding rounding = Rounding.SHAPED;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "examples to compare the merged file on with base and adapters in llama.cpp")
  private Path data;

  @Option(
      names = "--force",
      description = "take an adapter that was trained on another base, if its shapes fit")
  private boolean force;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads (default: the physical cores)")
  private int threads = ProcessorCores.physical();

  @Override
  public Integer call() throws IOException {
    Flags.requireThreads(spec, threads);
    PrintWriter out = spec.commandLine().getOut();
    List<AdapterArgument> arguments = adapters.stream().map(AdapterArgument::of).toList();
    ProgressLine line = new ProgressLine(out, ProgressLine.onTerminal());
    List<int[]> sequences = null;
    Path first;
    MergeReport report;
    try (GgufFile base = GgufFile.open(model)) {
      LlamaLimits.check(base);
      first = base.paths().getFirst();
      if (data != null) {
        sequences = VerificationText.sequences(base, data);
      }
      List<AdapterMerger.Adapter> read = new ArrayList<>();
      for (AdapterArgument argument : arguments) {
        AdapterFile file = AdapterFile.read(argument.file(), base, force);
        read.add(new AdapterMerger.Adapter(argument.file(), file.adapter(), argument.scale()));
      }
      AdapterMerger merger =
          new AdapterMerger(
              base,
              read,
              new AdapterMerger.Settings(MergeTypes.KEEP, rounding, _ -> null, threads));
      report =
          merger.merge(
              output,
              (done, total) -> line.update("merging: " + Words.percent((double) done / total)));
      line.clear();
    }
    MergeTable.lines(report).forEach(out::println);
    if (sequences != null) {
      MergeVerification verification =
          new MergeVerifier(threads)
              .reference(
                  first,
                  arguments.stream()
                      .map(a -> new MergeVerifier.Scaled(a.file(), a.scale()))
                      .toList(),
                  sequences)
              .compare(output);
      MergeTable.lines(verification).forEach(out::println);
    }
    return 0;
  }
}
