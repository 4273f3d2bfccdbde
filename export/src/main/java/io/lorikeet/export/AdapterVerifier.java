package io.lorikeet.export;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.ModelConfig;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Proves that llama.cpp computes with an adapter's file what the trainer computes with the
/// adapter: it compares the logits of both over whole sequences, and relates the difference to what
/// the adapter changes at all.
///
/// @param device where the trainer computes, as [Backend#open] takes it; llama.cpp computes on the
///     CPU
/// @param threads CPU threads for both
/// @param precision of the trainer's products
public record AdapterVerifier(String device, int threads, Precision precision) {
  /// Enough for the means to settle.
  private static final int MOST_TOKENS = 1024;

  /// Of each of llama.cpp's two passes at most this many logits are kept: 128 MiB.
  private static final int KEPT_LOGITS = 32 << 20;

  /// The most tokens that [#verify] takes, all sequences together: 1024, or fewer where the
  /// vocabulary is so large that their logits would take more than 128 MiB.
  ///
  /// @param vocabulary tokens of the base's vocabulary
  public static int mostTokens(int vocabulary) {
    return Math.clamp(KEPT_LOGITS / vocabulary, 1, MOST_TOKENS);
  }

  /// Compares llama.cpp with the file to the trainer with the adapter.
  ///
  /// @param basePath the base
  /// @param adapterFile what llama.cpp loads
  /// @param adapter what the trainer computes with: read from that file, or as it was trained
  /// @param sequences token ids, at most [#mostTokens] in all; each is computed from position 0 on
  /// @throws IOException when a file can't be read
  public Verification verify(
      Path basePath, Path adapterFile, LoraAdapter adapter, List<int[]> sequences)
      throws IOException {
    LogitsComparison comparison;
    int longest = sequences.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    try (GgufFile base = GgufFile.open(basePath)) {
      ModelConfig config = ModelConfig.of(base);
      if (sequences.stream().mapToInt(tokens -> tokens.length).sum()
          > mostTokens(config.vocabulary())) {
        throw new IllegalArgumentException(
            "more than " + mostTokens(config.vocabulary()) + " tokens");
      }
      comparison = llama(base.paths().getFirst(), adapterFile, sequences, longest);
    }
    // The weights are mapped again, so that they don't count twice while llama.cpp has them mapped.
    try (GgufFile base = GgufFile.open(basePath);
        Backend backend = Backend.open(device, threads);
        BaseWeights weights = BaseWeights.load(base, backend, (_, _) -> {})) {
      LogitsDifference unexplained;
      try (TrainerLogits trainer =
          new TrainerLogits(
              base, weights, Optional.of(adapter), device, threads, precision, longest)) {
        unexplained = comparison.unexplained(trainer);
      }
      try (TrainerLogits trainer =
          new TrainerLogits(base, weights, Optional.empty(), device, threads, precision, longest)) {
        return new Verification(comparison.effect(), unexplained, comparison.noise(trainer));
      }
    }
  }

  private LogitsComparison llama(Path base, Path adapterFile, List<int[]> sequences, int longest) {
    // The weights stay in the mapped file: llama.cpp's copy in a faster layout would double them.
    LlamaModel.Options inPlace = new LlamaModel.Options(false, 0, false);
    try (LlamaModel model = LlamaModel.load(base, inPlace);
        LlamaContext context = LlamaContext.create(model, longest, longest, threads);
        LlamaAdapter adapter = LlamaAdapter.load(model, adapterFile)) {
      return new LogitsComparison(
          model.vocabulary().size(),
          sequences,
          new LlamaLogits(context, Optional.of(adapter)),
          new LlamaLogits(context, Optional.empty()));
    }
  }
}
