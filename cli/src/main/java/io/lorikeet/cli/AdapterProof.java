package io.lorikeet.cli;

import io.lorikeet.export.AdapterVerifier;
import io.lorikeet.export.Verification;
import io.lorikeet.finetune.VerificationText;
import io.lorikeet.finetune.text.ProofText;
import io.lorikeet.models.family.Family;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.train.settings.ProcessorCores;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// The proof at the end of commands that write an adapter's file beside its base: llama.cpp does
/// with the file what was meant.
final class AdapterProof {
  @Option(
      names = "--device",
      paramLabel = "NAME",
      description = "where the proof computes: auto, cpu, vulkan0, … (default: ${DEFAULT-VALUE})")
  private String device = "auto";

  @Option(
      names = "--threads",
      paramLabel = "N",
      converter = NumberOptions.Threads.class,
      description = "CPU threads of the proof (default: the physical cores)")
  private int threads = ProcessorCores.physical();

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  int threads() {
    return threads;
  }

  /// Compares and reports. Where Lorikeet can't compute with the base itself, it says so.
  ///
  /// @param meant the adapter before its numbers were rounded for the file
  /// @return the exit code
  int run(Path model, Path file, LoraAdapter meant) throws IOException {
    PrintWriter out = command.commandLine().getOut();
    List<int[]> sequences;
    try (GgufFile base = GgufFile.open(model)) {
      String architecture = base.metadata().requireString("general.architecture");
      if (Family.of(architecture).isEmpty()) {
        out.println(
            "inconclusive: Lorikeet doesn't compute with models of the architecture "
                + architecture);
        return Failure.INCONCLUSIVE;
      }
      sequences = VerificationText.sequences(base, null);
    }
    Verification verification =
        new AdapterVerifier(device, threads).verify(model, file, meant, sequences);
    ProofText.lines(verification).forEach(out::println);
    return ProofExitCode.exitCode(verification.verdict());
  }
}
