package io.lorikeet.cli;

import io.lorikeet.export.MergeVerifier;
import io.lorikeet.export.merge.AdapterMerger;
import io.lorikeet.export.merge.MergeReport;
import io.lorikeet.export.merge.MergeTypes;
import io.lorikeet.export.merge.QualityMerger;
import io.lorikeet.export.merge.RecipeMerger;
import io.lorikeet.finetune.VerificationText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ImportanceMatrix;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.quant.ModelQuantizer;
import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/// `lorikeet merge`.
@Command(
    name = "merge",
    description = {
      "Fold adapters into their base, for programs that load no adapters.",
      "Tells how much of the update is left after rounding to the base's own types.",
      "With --data it proves in llama.cpp that the merged file does what base and adapters do."
    },
    exitCodeListHeading = ProofExitCode.EXIT_CODES,
    exitCodeList = {
      ProofExitCode.PROVEN,
      ProofExitCode.FAILED,
      ProofExitCode.BAD_INPUT,
      ProofExitCode.INCONCLUSIVE
    })
@Inputs(
    value = {"--model", "--adapter"},
    needed = 2)
final class MergeCommand extends WritingCommand {
  private static final String KEEP = "keep";

  @Mixin private BaseOption model = new BaseOption();

  @Mixin private AdaptersOption adapters = new AdaptersOption();

  @Option(
      names = "--output",
      required = true,
      paramLabel = "FILE",
      description = "merged model to write, a GGUF file")
  private Path output;

  @Option(
      names = "--type",
      paramLabel = "keep|TYPE",
      description =
          "keep each tensor's type, or one of llama.cpp's, such as F16 or Q4_K_M (default: keep)")
  private String type = KEEP;

  @Option(
      names = "--rounding",
      paramLabel = "dithered|nearest",
      description =
          "dithered: so that small updates survive; nearest: as ggml quantizes (default: dithered)")
  private Rounding rounding = Rounding.DITHERED;

  @Option(
      names = "--imatrix",
      paramLabel = "FILE",
      description = "importance matrix of the base: errors count by the importance of their inputs")
  private @Nullable Path importance;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description = "examples to compare the merged file on with base and adapters in llama.cpp")
  private @Nullable Path data;

  @Option(
      names = "--keep-quality",
      paramLabel = "KL",
      converter = NumberOptions.Divergence.class,
      description =
          "largest divergence from base and adapters on --data, in nats: tensors that need it get a"
              + " larger type")
  private @Nullable Double quality;

  @Option(
      names = "--force",
      description =
          "replace an output that exists, and take an adapter that was trained on another base, if"
              + " its shapes fit")
  private boolean force;

  @Option(names = "--json", description = "print JSON")
  private boolean json;

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Override
  OutputPlan files() throws IOException {
    OutputPlan plan =
        new OutputPlan()
            .reads("--model", model.file())
            .reads("--imatrix", importance)
            .reads("--data", data)
            .writes("--output", output);
    adapters.arguments().forEach(adapter -> plan.reads("--adapter", adapter.file()));
    return plan;
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    checkOptions();
    PrintWriter out = spec.commandLine().getOut();
    ProgressLine line = ProgressLine.of(spec);
    List<AdapterArgument> arguments = adapters.arguments();
    MergeTable table;
    try (GgufFile base = GgufFile.open(model.file())) {
      ModelLoader.check(base);
      List<AdapterMerger.Adapter> read = new ArrayList<>();
      for (AdapterArgument argument : arguments) {
        AdapterFile file = AdapterFile.read(argument.file(), base, force);
        read.add(new AdapterMerger.Adapter(argument.file(), file.adapter(), argument.scale()));
      }
      table = merge(base, read, arguments, line);
    }
    line.clear();
    if (json) {
      out.println(table.json());
    } else {
      table.lines().forEach(out::println);
      ServingText.ofModel(output).forEach(out::println);
    }
    return table
        .verification()
        .map(measured -> ProofExitCode.exitCode(measured.verdict()))
        .orElse(0);
  }

  private void checkOptions() {
    if (quality != null && (data == null || !type.equalsIgnoreCase(KEEP))) {
      throw new ParameterException(
          spec.commandLine(), "--keep-quality needs --data, and chooses the types itself");
    }
    if (isRecipe()) {
      ModelQuantizer.recipe(type);
    }
  }

  private Function<String, float[]> importanceFor(GgufFile base) throws IOException {
    if (importance == null) {
      return _ -> null;
    }
    ImportanceMatrix matrix = ImportanceMatrix.read(importance);
    matrix.check(base);
    return matrix.weights()::get;
  }

  private Optional<MergeVerifier.Reference> reference(
      GgufFile base, List<AdapterArgument> arguments, ProgressLine line) throws IOException {
    if (data == null) {
      return Optional.empty();
    }
    List<int[]> sequences = VerificationText.sequences(base, data);
    line.update("asking base and adapters");
    return Optional.of(
        new MergeVerifier(threads.count())
            .reference(
                model.file(),
                arguments.stream()
                    .map(each -> new MergeVerifier.ScaledFile(each.file(), each.scale()))
                    .toList(),
                sequences));
  }

  private boolean isRecipe() {
    return !type.equalsIgnoreCase(KEEP) && MergeTypes.unquantized(type).isEmpty();
  }

  private MergeTable merge(
      GgufFile base,
      List<AdapterMerger.Adapter> read,
      List<AdapterArgument> arguments,
      ProgressLine line)
      throws IOException {
    MergeTypes types = MergeTypes.unquantized(type).orElse(MergeTypes.KEEP);
    AdapterMerger.MergeSettings settings =
        new AdapterMerger.MergeSettings(types, rounding, importanceFor(base), threads.count());
    AdapterMerger merger = new AdapterMerger(base, read, settings);
    if (isRecipe()) {
      RecipeMerger.check(base, read, settings, type, output);
    } else {
      merger.check(output);
    }
    Optional<MergeVerifier.Reference> reference = reference(base, arguments, line);
    if (quality != null) {
      QualityMerger.MergeOutcome outcome =
          new QualityMerger(base, read, settings, reference.orElseThrow(), quality, line::update)
              .merge(output);
      return new MergeTable(outcome.report(), Optional.of(outcome.verification()));
    }
    ByteProgress progress =
        (done, total) -> line.update("merging: " + Words.percent((double) done / total));
    MergeReport report =
        isRecipe()
            ? RecipeMerger.merge(base, read, settings, type, output, progress)
            : merger.merge(output, progress);
    line.update("asking the merged file");
    return new MergeTable(
        report,
        reference.isPresent() ? Optional.of(reference.get().compare(output)) : Optional.empty());
  }
}
