package io.lorikeet.export;

import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Measures in llama.cpp how near a merged file is to its base with the adapters: their logits over
/// whole sequences, and how well each predicts the text.
///
/// @param threads CPU threads
@Beta
public record MergeVerifier(int threads) {
  /// The weights stay in the mapped file: llama.cpp's copy in a faster layout would double them.
  private static final LlamaModel.Options IN_PLACE = new LlamaModel.Options(false, 0, false);

  /// An adapter's file and the factor of its change.
  public record ScaledFile(Path file, double scale) {}

  /// The base's answers without and with adapters, to compare merged files with.
  public static final class Reference {
    private final List<int[]> sequences;
    private final int longest;
    private final int threads;
    private final LogitsComparison comparison;
    private final double baseLoss;
    private final double adapterLoss;

    private Reference(
        Path base, List<ScaledFile> adapters, List<int[]> sequences, int longest, int threads)
        throws IOException {
      this.sequences = sequences;
      this.longest = longest;
      this.threads = threads;
      try (LlamaModel model = ModelLoader.load(base, IN_PLACE);
          LlamaContext context = LlamaContext.create(model, longest, longest, threads)) {
        List<LlamaAdapter.Scaled> loaded = new ArrayList<>();
        for (ScaledFile adapter : adapters) {
          loaded.add(LlamaAdapter.load(model, adapter.file()).scaledBy((float) adapter.scale()));
        }
        Metered adapted = new Metered(source(context, loaded));
        Metered plain = new Metered(source(context, List.of()));
        comparison = new LogitsComparison(model.vocabulary().size(), sequences, adapted, plain);
        adapterLoss = adapted.loss();
        baseLoss = plain.loss();
      }
    }

    /// Compares a merged file.
    ///
    /// @param merged a GGUF file of the same vocabulary
    /// @throws io.lorikeet.quant.InvalidInputException when llama.cpp can't load it
    /// @throws IOException when it can't be read
    public MergeVerification compare(Path merged) throws IOException {
      try (LlamaModel model = ModelLoader.load(merged, IN_PLACE);
          LlamaContext context = LlamaContext.create(model, longest, longest, threads)) {
        Metered metered = new Metered(source(context, List.of()));
        LogitsDifference difference = comparison.difference(metered);
        return new MergeVerification(
            comparison.effect(), difference, baseLoss, adapterLoss, metered.loss());
      }
    }

    private static LogitsSource source(LlamaContext context, List<LlamaAdapter.Scaled> adapters) {
      return (tokens, consumer) -> {
        context.setAdapters(adapters.toArray(LlamaAdapter.Scaled[]::new));
        LlamaLogits.stream(context, tokens, consumer);
      };
    }
  }

  /// Computes what merged files are compared with.
  ///
  /// @param base the base, of a split one any file
  /// @param sequences token ids, at most [AdapterVerifier#mostTokens] in all; each is computed from
  ///     position 0 on
  /// @throws InvalidInputException when no sequence has a token to predict
  public Reference reference(Path base, List<ScaledFile> adapters, List<int[]> sequences)
      throws IOException {
    int longest = sequences.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    if (longest < 2) {
      throw new InvalidInputException(
          base + ": its context takes texts of one token, and a loss needs a second one");
    }
    return new Reference(base, adapters, sequences, longest, threads);
  }

  /// Passes logits on and sums up the loss of each next token.
  private static final class Metered implements LogitsSource {
    private final LogitsSource source;
    private double sum;
    private long targets;

    Metered(LogitsSource source) {
      this.source = source;
    }

    @Override
    public void forEach(int[] tokens, PositionConsumer consumer) {
      source.forEach(
          tokens,
          (position, logits) -> {
            if (position + 1 < tokens.length) {
              sum += TextLoss.crossEntropy(logits, tokens[position + 1]);
              targets++;
            }
            consumer.accept(position, logits);
          });
    }

    double loss() {
      return sum / targets;
    }
  }
}
