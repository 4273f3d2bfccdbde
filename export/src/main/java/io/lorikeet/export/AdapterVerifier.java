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
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

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

  /// Of each of three passes at most this many logits are kept: 128 MiB.
  private static final int KEPT_LOGITS = 32 << 20;

  /// How much more of an adapter is next to nothing: a fiftieth of [Verification#LIMIT].
  private static final float NUDGE = 1.002f;

  /// The most tokens that [#verify] takes, all sequences together: 1024, or fewer where the
  /// vocabulary is so large that their logits would take more than 128 MiB.
  ///
  /// @param vocabulary tokens of the base's vocabulary
  public static int mostTokens(int vocabulary) {
    return Math.clamp(KEPT_LOGITS / vocabulary, 1, MOST_TOKENS);
  }

  /// Compares llama.cpp with the file to the trainer with the file's numbers, and these to the ones
  /// that were meant.
  ///
  /// @param basePath the base
  /// @param adapterFile what llama.cpp loads
  /// @param meant the adapter before its numbers were rounded for the file, or what was read from
  ///     it
  /// @param sequences token ids, at most [#mostTokens] in all; each is computed from position 0 on
  /// @throws IOException when a file can't be read
  public Verification verify(
      Path basePath, Path adapterFile, LoraAdapter meant, List<int[]> sequences)
      throws IOException {
    LogitsComparison comparison;
    LoraAdapter stored;
    int longest = sequences.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    try (GgufFile base = GgufFile.open(basePath)) {
      ModelConfig config = ModelConfig.of(base);
      if (sequences.stream().mapToInt(tokens -> tokens.length).sum()
          > mostTokens(config.vocabulary())) {
        throw new IllegalArgumentException(
            "more than " + mostTokens(config.vocabulary()) + " tokens");
      }
      // Whether it may be used on another base than its own was settled before.
      stored = AdapterFile.read(adapterFile, base, true).adapter();
      comparison = llama(base, adapterFile, sequences, longest);
    }
    Optional<AdapterRounding> rounding = AdapterRounding.between(meant, stored);
    // The weights are mapped again, so that they don't count twice while llama.cpp has them mapped.
    try (GgufFile base = GgufFile.open(basePath);
        Backend backend = Backend.open(device, threads);
        BaseWeights weights = BaseWeights.load(base, backend, (_, _) -> {})) {
      Trainer trainer = new Trainer(base, weights, longest);
      int vocabulary = ModelConfig.of(base).vocabulary();
      KeptLogits trained =
          trainer.compute(
              Optional.of(stored), logits -> new KeptLogits(vocabulary, sequences, logits));
      PositionDifferences noise = trainer.compute(Optional.empty(), comparison::noise);
      Verification verification = comparison.verification(trained, noise, rounding);
      if (verification.verdict() != Verification.Verdict.FAILED) {
        return verification;
      }
      LoraAdapter nudged =
          new LoraAdapter(stored.architecture(), NUDGE * stored.alpha(), stored.pairs());
      return verification.withSensitivity(
          trainer.compute(Optional.of(nudged), trained::compare).overall());
    }
  }

  /// The trainer's forward pass, with one adapter or another.
  private final class Trainer {
    private final GgufFile base;
    private final BaseWeights weights;
    private final int context;

    Trainer(GgufFile base, BaseWeights weights, int context) {
      this.base = base;
      this.weights = weights;
      this.context = context;
    }

    <T> T compute(Optional<LoraAdapter> adapter, Function<LogitsSource, T> use) {
      try (TrainerLogits logits =
          new TrainerLogits(base, weights, adapter, device, threads, precision, context)) {
        return use.apply(logits);
      }
    }
  }

  private LogitsComparison llama(
      GgufFile base, Path adapterFile, List<int[]> sequences, int longest) {
    // The weights stay in the mapped file: llama.cpp's copy in a faster layout would double them.
    LlamaModel.Options inPlace = new LlamaModel.Options(false, 0, false);
    try (LlamaModel model = ModelLoader.load(base, inPlace);
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
