package io.lorikeet.cli;

import io.lorikeet.export.MergeVerification;
import io.lorikeet.export.MergeVerifier;
import io.lorikeet.export.merge.AdapterMerger;
import io.lorikeet.export.merge.MergeMeasurement;
import io.lorikeet.export.merge.MergeReport;
import io.lorikeet.finetune.VerificationText;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Proves that a merged file does in llama.cpp what its base does with the adapter.
///
/// @param force takes an adapter of another base, if its shapes fit
/// @param data examples to compare on, or null for a text of its own
record MergeProof(
    Path model,
    AdapterArgument adapter,
    boolean force,
    Path merged,
    @Nullable Path data,
    int threads) {

  /// Prints what is left of the update, how near the answers are, and the verdict.
  ///
  /// @param json whether for programs, without the update
  /// @return the exit code
  int run(PrintWriter out, boolean json) throws IOException {
    List<int[]> sequences;
    try (GgufFile base = GgufFile.open(model);
        GgufFile result = GgufFile.open(merged)) {
      ModelLoader.check(base);
      ModelLoader.check(result);
      AdapterMerger.Adapter read =
          new AdapterMerger.Adapter(
              adapter.file(),
              AdapterFile.read(adapter.file(), base, force).adapter(),
              adapter.scale());
      List<MergeReport.Merged> tensors = MergeMeasurement.of(base, List.of(read), result, threads);
      if (!json) {
        MergeTable.survival(tensors).forEach(out::println);
      }
      sequences = VerificationText.sequences(base, data);
    }
    MergeVerification verification =
        new MergeVerifier(threads)
            .reference(
                model,
                List.of(new MergeVerifier.ScaledFile(adapter.file(), adapter.scale())),
                sequences)
            .compare(merged);
    if (json) {
      out.println(JsonText.of(MergeTable.json(verification)));
    } else {
      MergeTable.lines(verification).forEach(out::println);
    }
    return ProofExitCode.exitCode(verification.verdict());
  }
}
