package io.lorikeet.cli;

import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.export.Verification;
import io.lorikeet.finetune.VerificationText;
import io.lorikeet.finetune.text.ProofText;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `lorikeet verify`.
@Command(
    name = "verify",
    description = {
      "Prove that llama.cpp does with an adapter what the trainer does.",
      "Compares what it changes in their logits, position by position, apart from the rounding that is there without it.",
      "With --merged, prove instead that a merged file does in llama.cpp what base and adapter do."
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
final class VerifyCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Option(names = "--model", paramLabel = "FILE", description = "base, a GGUF file")
  private Path model;

  @Option(
      names = "--adapter",
      paramLabel = "FILE",
      description = "adapter, a GGUF file; for --merged with a :SCALE where it was merged with one")
  private String adapter;

  @Option(
      names = "--merged",
      paramLabel = "FILE",
      description = "the file merged from base and adapter, a GGUF file")
  private @Nullable Path merged;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "examples to compare on, at most the first 1,024 tokens (default: a short English text)")
  private @Nullable Path data;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description =
          "where the trainer computes: auto, cpu, vulkan0, cuda0, … (default: ${DEFAULT-VALUE})")
  private String device = "auto";

  @Mixin private ThreadsOption threads = new ThreadsOption();

  @Option(
      names = "--force",
      description = "take an adapter that was trained on another base, if its shapes fit")
  private boolean force;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (merged != null) {
      return new MergeProof(
              model, AdapterArgument.of(adapter), force, merged, data, threads.count())
          .run(out);
    }
    return verifyAdapter(Path.of(adapter), out);
  }

  private int verifyAdapter(Path adapterFile, PrintWriter out) throws IOException {
    AdapterFile file;
    List<int[]> sequences;
    try (GgufFile base = GgufFile.open(model)) {
      ModelConfig.of(base);
      file = AdapterFile.read(adapterFile, base, force);
      sequences = VerificationText.sequences(base, data);
    }
    if (!file.recorded()) {
      out.println("note: " + adapterFile + " doesn't say which base it was trained on");
    }
    Verification verification =
        new AdapterVerifier(device, threads.count())
            .verify(model, adapterFile, file.adapter(), sequences);
    ProofText.lines(verification).forEach(out::println);
    return ProofExitCode.exitCode(verification.verdict());
  }
}
