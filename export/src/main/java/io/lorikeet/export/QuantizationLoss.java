package io.lorikeet.export;

import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.quant.TextChunks;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/// The loss of a model's quality by quantization, measured on a text in llama.cpp. Both models read
/// the same pieces. Of each piece the second half counts, where both have seen enough before, as in
/// llama.cpp's `llama-perplexity`.
///
/// @param sourceLoss mean loss per token of the source, in nats
/// @param loss the same of the quantized model
/// @param difference of the quantized model's logits from the source's
/// @param tokens predicted tokens
@Beta
public record QuantizationLoss(
    double sourceLoss, double loss, LogitsDifference difference, long tokens) {
  /// Logits of the source that are held at a time.
  private static final int MOST_LOGITS = 1 << 24;

  /// Measures on the CPU.
  ///
  /// @param source a GGUF model, of a split one any file
  /// @param quantized the same model in other types
  /// @param text a text file in UTF-8
  /// @param longest tokens of a piece; fewer where the model was trained on shorter texts
  /// @param threads threads to compute with
  /// @throws InvalidInputException when a model isn't valid, their vocabularies differ, or the text
  ///     is too short
  /// @throws IOException when a file can't be read
  public static QuantizationLoss measure(
      Path source, Path quantized, Path text, int longest, int threads) throws IOException {
    try (LlamaModel sourceModel = ModelLoader.load(source, LlamaModel.Options.CPU);
        LlamaModel quantizedModel = ModelLoader.load(quantized, LlamaModel.Options.CPU)) {
      if (sourceModel.vocabulary().size() != quantizedModel.vocabulary().size()) {
        throw new InvalidInputException(
            source + " and " + quantized + " have vocabularies of different sizes");
      }
      int context = Math.min(longest, sourceModel.contextLength());
      List<int[]> chunks = TextChunks.read(text, sourceModel.vocabulary(), context);
      int piece = Math.clamp(MOST_LOGITS / sourceModel.vocabulary().size(), 1, context);
      try (LlamaContext reference = LlamaContext.create(sourceModel, context, piece, threads);
          LlamaContext tested = LlamaContext.create(quantizedModel, context, piece, threads)) {
        Measurement measurement = new Measurement(reference, tested, piece);
        chunks.forEach(measurement::add);
        return measurement.result();
      }
    }
  }

  /// Sums up the pieces of a text.
  private static final class Measurement {
    private final LlamaContext reference;
    private final LlamaContext tested;
    private final int piece;
    private final PositionDifferences difference = new PositionDifferences();
    private double sourceLoss;
    private double loss;
    private long tokens;

    Measurement(LlamaContext reference, LlamaContext tested, int piece) {
      this.reference = reference;
      this.tested = tested;
      this.piece = piece;
    }

    void add(int[] chunk) {
      reference.clear();
      tested.clear();
      for (int from = 0; from < chunk.length - 1; from += piece) {
        int count = Math.min(piece, chunk.length - 1 - from);
        int[] part = Arrays.copyOfRange(chunk, from, from + count);
        float[][] expected = new float[count][];
        reference.forEachLogits(
            part, (i, row) -> expected[i] = row.toArray(ValueLayout.JAVA_FLOAT));
        int start = from;
        tested.forEachLogits(
            part,
            (i, row) -> {
              if (start + i >= chunk.length / 2) {
                add(expected[i], row.toArray(ValueLayout.JAVA_FLOAT), chunk[start + i + 1]);
              }
            });
      }
    }

    private void add(float[] expected, float[] found, int target) {
      sourceLoss += TextLoss.crossEntropy(expected, target);
      loss += TextLoss.crossEntropy(found, target);
      difference.add(expected, found);
      tokens++;
    }

    QuantizationLoss result() {
      return new QuantizationLoss(sourceLoss / tokens, loss / tokens, difference.overall(), tokens);
    }
  }
}
