package io.lorikeet.cli;

import io.lorikeet.export.peft.PeftImporter;
import io.lorikeet.export.peft.PeftMerger;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.adapter.AdapterMetadata;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.adapter.BaseIdentity;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.OutputPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/// `lorikeet import`.
@Command(
    name = "import",
    description = {
      "Make an adapter for llama.cpp of a folder that Hugging Face's PEFT wrote, and prove it there.",
      "Scales of rsLoRA and of single modules are kept; what GGUF can't hold is refused by its name."
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
final class ImportCommand extends WritingCommand {

  @Option(
      names = "--adapter",
      paramLabel = "FOLDER",
      description = "folder with adapter_config.json and adapter_model.safetensors")
  private Path folder;

  @Mixin private BaseOption model = new BaseOption();

  /// Where it goes: one of the two.
  private static final class Target {
    @Option(
        names = "--output",
        required = true,
        paramLabel = "FILE",
        description = "adapter to write, a GGUF file")
    private Optional<Path> output = Optional.empty();

    @Option(
        names = "--merge-into",
        required = true,
        paramLabel = "FILE",
        description = {
          "whole model to write instead, the base with all of it merged: also magnitudes (DoRA)",
          "and whole weights (modules_to_save), which no adapter in GGUF can hold"
        })
    private Optional<Path> merged = Optional.empty();
  }

  @ArgGroup(multiplicity = "1")
  private Target target;

  @Option(
      names = "--store",
      paramLabel = "TYPE",
      description = "numbers as F32, F16, BF16 or Q8_0 (default: as they are)")
  private Optional<AdapterStorage> storage = Optional.empty();

  @Option(
      names = "--force",
      description =
          "replace an output that exists, and take a folder that Lorikeet exported for another"
              + " base, if its shapes fit")
  private boolean force;

  @Mixin private AdapterProof proof = new AdapterProof();

  @Override
  OutputPlan files() throws IOException {
    OutputPlan plan = new OutputPlan().reads("--adapter", folder).reads("--model", model.file());
    target.output.ifPresent(file -> plan.writes("--output", file));
    target.merged.ifPresent(file -> plan.writes("--merge-into", file));
    return plan;
  }

  @Override
  boolean replaces() {
    return force;
  }

  @Override
  int run() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (target.merged.isPresent()) {
      return merge(target.merged.get(), out);
    }
    Path output = target.output.orElseThrow();
    PeftImporter.Imported imported;
    AdapterMetadata metadata;
    try (GgufFile base = GgufFile.open(model.file())) {
      imported = PeftImporter.read(folder, base);
      BaseIdentity identity = BaseIdentity.of(base);
      imported.baseHash().ifPresent(hash -> requireSame(hash, identity, base.path()));
      metadata = new AdapterMetadata(identity, imported.training(), imported.template());
    }
    Optional.ofNullable(imported.training().get(AdapterMetadata.PARAMETRIZATION))
        .ifPresent(
            which ->
                out.println(
                    "note: A, B and scales "
                        + which
                        + ": GGUF has one alpha for all. They do the same, but training on takes other"
                        + " steps"));
    AdapterOutput.write(
        imported.adapter(),
        metadata,
        storage.orElse(imported.storage()),
        output,
        Optional.of(model.file()),
        out);
    return proof.run(model.file(), output, imported.adapter());
  }

  private int merge(Path merged, PrintWriter out) throws IOException {
    if (storage.isPresent()) {
      throw new ParameterException(
          spec.commandLine(), "--store is for adapters; a merged model keeps its base's types");
    }
    ProgressLine line = ProgressLine.of(spec);
    PeftMerger.PeftMergeReport report;
    try (GgufFile base = GgufFile.open(model.file())) {
      report =
          PeftMerger.merge(
              folder,
              base,
              merged,
              proof.threads(),
              (done, total) -> line.update("merging: " + Words.percent((double) done / total)));
    }
    line.println(
        "%s: %s; merged %s pairs, %s of them with magnitudes, and %s whole weights; %s tensors as they were"
            .formatted(
                merged,
                Words.bytes(Files.size(merged)),
                report.pairs(),
                report.magnitudes(),
                report.whole(),
                report.copied()));
    ServingText.ofModel(merged).forEach(out::println);
    return 0;
  }

  private void requireSame(String hash, BaseIdentity identity, Path base) {
    if (!hash.equals(identity.hash()) && !force) {
      throw new InvalidInputException(
          "%s was exported for another base than %s: SHA-256 %.12s…, this one has %.12s…. --force takes it all the same"
              .formatted(folder, base, hash, identity.hash()));
    }
  }
}
