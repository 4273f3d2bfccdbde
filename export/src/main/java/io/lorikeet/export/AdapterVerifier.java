package io.lorikeet.export;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaEmbeddings;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.AdapterStorage;
import io.lorikeet.models.architecture.BaseWeights;
import io.lorikeet.models.architecture.Pooling;
import io.lorikeet.models.architecture.TextEmbedding;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
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
@Beta
public record AdapterVerifier(String device, int threads, Precision precision) {
  /// Enough for the means to settle.
  private static final int MOST_TOKENS = 1024;

  /// Of each of three passes at most this many logits are kept: 128 MiB.
  private static final int KEPT_LOGITS = 32 << 20;

  /// The change of the logits by this much more of the adapter is rounding.
  private static final float LEAST_NUDGE = 1e-5f;

  /// Relative changes of the adapter that are negligible, and yet may drive an activation to the
  /// other side of a rounding threshold.
  private static final float[] NUDGES = {LEAST_NUDGE, -LEAST_NUDGE, 1e-4f, -1e-4f, 1e-3f, -1e-3f};

  /// Of a trainer whose products are rounded as llama.cpp's are.
  public AdapterVerifier(String device, int threads) {
    this(device, threads, Precision.LLAMA);
  }

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
  /// @param adapterFile the file that llama.cpp loads
  /// @param meant the adapter before its numbers were rounded for the file, or the adapter read
  ///     from it
  /// @param sequences token ids, at most [#mostTokens] in all; each is computed from position 0 on
  /// @throws IOException when a file can't be read
  public Verification verify(
      Path basePath, Path adapterFile, LoraAdapter meant, List<int[]> sequences)
      throws IOException {
    return compare(basePath, adapterFile, meant, read(basePath, adapterFile), sequences);
  }

  /// Whether it may be used on another base than its own was settled before.
  private static LoraAdapter read(Path basePath, Path adapterFile) throws IOException {
    try (GgufFile base = GgufFile.open(basePath)) {
      return AdapterFile.read(adapterFile, base, true).adapter();
    }
  }

  /// As [#verify], but the trainer computes with an adapter that may be another one than the file
  /// holds.
  ///
  /// @throws IOException when a file can't be read
  public Verification compare(
      Path basePath, Path adapterFile, LoraAdapter meant, LoraAdapter computed, List<int[]> given)
      throws IOException {
    LoraAdapter inFile = read(basePath, adapterFile);
    Optional<AdapterRounding> rounding = AdapterRounding.between(meant, inFile);
    List<int[]> sequences =
        given.stream()
            .map(tokens -> inFile.invocation().map(one -> one.within(tokens)).orElse(tokens))
            .toList();
    LlamaSide llama;
    Optional<TextEmbedding> embedding;
    AdapterStorage storage;
    int vocabulary;
    int longest = sequences.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    try (GgufFile base = GgufFile.open(basePath)) {
      vocabulary = ModelConfig.of(base).vocabulary();
      if (sequences.stream().mapToInt(tokens -> tokens.length).sum() > mostTokens(vocabulary)) {
        throw new IllegalArgumentException("more than " + mostTokens(vocabulary) + " tokens");
      }
      embedding = embedding(base, adapterFile);
      llama = llama(base, adapterFile, embedding, sequences, longest);
    }
    try (GgufFile file = GgufFile.open(adapterFile)) {
      storage = AdapterStorage.of(file);
    }
    // The weights are mapped again, so that they don't count twice while llama.cpp has them mapped.
    try (GgufFile base = GgufFile.open(basePath);
        Backend backend = Backend.open(device, threads);
        BaseWeights weights = BaseWeights.load(base, backend, (_, _) -> {})) {
      TrainerSide trainer = new TrainerSide(base, weights, longest);
      KeptLogits trained =
          trainer.compute(
              Optional.of(computed), logits -> new KeptLogits(vocabulary, sequences, logits));
      EffectComparison.Sensitivity sensitivity = new EffectComparison.Sensitivity();
      float unit = Math.max(roundingUnit(storage), roundingUnit(backend));
      if (unit > 0) {
        trainer.compute(
            Optional.of(scaled(computed, unit)),
            logits -> {
              sensitivity.add(trained, logits);
              return sensitivity;
            });
      }
      EffectComparison effects = new EffectComparison(sensitivity);
      Verification verification =
          trainer.compute(
              Optional.empty(),
              logits -> llama.comparison().verification(trained, logits, effects, rounding));
      for (float nudge : NUDGES) {
        if (!verification.isFarOff()) {
          break;
        }
        Verification before = verification;
        verification =
            trainer.compute(
                Optional.of(scaled(computed, nudge)),
                logits ->
                    llama
                        .comparison()
                        .nearer(before, effects, trained, logits, Math.abs(nudge) <= LEAST_NUDGE));
      }
      Optional<EmbeddingAgreement> agreement = Optional.empty();
      if (embedding.isPresent()) {
        agreement =
            Optional.of(
                EmbeddingAgreement.of(
                    embedding.get().pooling(),
                    llama.embeddings(),
                    trainer.embeddings(Optional.of(computed), embedding.get(), sequences),
                    trainer.embeddings(Optional.empty(), embedding.get(), sequences)));
      }
      return verification.with(llama.kinds(), agreement);
    }
  }

  /// @param more of the adapter, as a share
  private static LoraAdapter scaled(LoraAdapter adapter, float more) {
    return new LoraAdapter(
        adapter.architecture(),
        (1 + more) * adapter.alpha(),
        adapter.pairs(),
        adapter.invocation());
  }

  /// How far llama.cpp rounds what it multiplies with a file's numbers, as a share: to their type.
  static float roundingUnit(AdapterStorage storage) {
    return switch (storage) {
      case F32 -> 0;
      case F16 -> 0x1p-11f;
      case BF16 -> 0x1p-8f;
      case Q8_0 -> 0x1p-7f;
    };
  }

  /// How far the trainer may round what it multiplies with the adapter: to BF16.
  private float roundingUnit(Backend backend) {
    boolean exact = backend.isCpu() && (precision == Precision.LLAMA || precision == Precision.F32);
    return exact ? 0 : 0x1p-8f;
  }

  /// The trainer's forward pass, with an adapter or without.
  private final class TrainerSide {
    private final GgufFile base;
    private final BaseWeights weights;
    private final int context;

    TrainerSide(GgufFile base, BaseWeights weights, int context) {
      this.base = base;
      this.weights = weights;
      this.context = context;
    }

    List<double[]> embeddings(
        Optional<LoraAdapter> adapter, TextEmbedding embedding, List<int[]> texts) {
      try (TrainerLogits trainer =
          new TrainerLogits(base, weights, adapter, device, threads, precision, context)) {
        return texts.stream().map(text -> trainer.embedding(embedding, text)).toList();
      }
    }

    <T> T compute(Optional<LoraAdapter> adapter, Function<LogitsSource, T> use) {
      try (TrainerLogits logits =
          new TrainerLogits(base, weights, adapter, device, threads, precision, context)) {
        return use.apply(logits);
      }
    }
  }

  /// Logits of llama.cpp, the effect of each kind of matrix there, and embeddings where they are
  /// asked for.
  private record LlamaSide(
      LogitsComparison comparison, KindEffects kinds, List<double[]> embeddings) {}

  private LlamaSide llama(
      GgufFile base,
      Path adapterFile,
      Optional<TextEmbedding> embedding,
      List<int[]> sequences,
      int longest)
      throws IOException {
    // The weights stay in the mapped file: llama.cpp's copy in a faster layout would double them.
    LlamaModel.Options inPlace = new LlamaModel.Options(false, 0, false);
    try (LlamaModel model = ModelLoader.load(base, inPlace);
        LlamaContext context = LlamaContext.create(model, longest, longest, threads);
        LlamaAdapter adapter = LlamaAdapter.load(model, adapterFile)) {
      LogitsComparison comparison =
          new LogitsComparison(
              model.vocabulary().size(),
              sequences,
              new LlamaLogits(context, Optional.of(adapter)),
              new LlamaLogits(context, Optional.empty()));
      return new LlamaSide(
          comparison,
          KindEffects.of(context, adapterFile, sequences.getFirst()),
          embedding.isEmpty()
              ? List.of()
              : embeddings(model, adapter, embedding.get().pooling(), sequences, longest));
    }
  }

  private List<double[]> embeddings(
      LlamaModel model, LlamaAdapter adapter, Pooling pooling, List<int[]> texts, int longest) {
    try (LlamaEmbeddings llama = LlamaEmbeddings.create(model, longest, threads, pooling.id())) {
      llama.setAdapters(adapter.scaledBy(1));
      return texts.stream().map(text -> widened(llama.of(text))).toList();
    }
  }

  private static double[] widened(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  /// How a base's embeddings are made, where an adapter was trained for them.
  private static Optional<TextEmbedding> embedding(GgufFile base, Path adapterFile)
      throws IOException {
    return AdapterFile.isForEmbeddings(adapterFile)
        ? Optional.of(TextEmbedding.of(base, ModelConfig.of(base)))
        : Optional.empty();
  }
}
