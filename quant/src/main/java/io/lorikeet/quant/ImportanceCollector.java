package io.lorikeet.quant;

import io.lorikeet.bindings.llama.ActivationSums;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/// Measures an importance matrix: llama.cpp reads a text with the model, and what goes into its
/// products is summed up, as `llama-imatrix` does.
public final class ImportanceCollector {
  private ImportanceCollector() {}

  /// Is told how far it is.
  @FunctionalInterface
  public interface CollectorListener {
    /// @param chunk pieces that are read
    /// @param chunks all pieces
    void at(int chunk, int chunks);
  }

  /// Measures on the CPU.
  ///
  /// @param model a GGUF model, of a split one any file; quantized or not
  /// @param text a text file in UTF-8
  /// @param longest tokens of a piece, at least 16; fewer where the model was trained on shorter
  ///     texts
  /// @param threads threads to compute with
  /// @throws InvalidInputException when the model isn't valid, or the text too short for one piece
  /// @throws IOException when a file can't be read
  public static ImportanceMatrix collect(
      Path model, Path text, int longest, int threads, CollectorListener listener)
      throws IOException {
    try (LlamaModel loaded = ModelLoader.load(model, LlamaModel.Options.CPU);
        ActivationSums sums = new ActivationSums()) {
      int chunkSize = Math.min(longest, loaded.contextLength());
      List<int[]> chunks = TextChunks.read(text, loaded.vocabulary(), chunkSize);
      try (LlamaContext context =
          LlamaContext.create(loaded, chunkSize, chunkSize, threads, sums)) {
        for (int i = 0; i < chunks.size(); i++) {
          listener.at(i, chunks.size());
          context.clear();
          // With the logits of all tokens, or the last layer would compute only the last one's.
          context.forEachLogits(chunks.get(i), (_, _) -> {});
        }
      }
      return ImportanceMatrix.of(
          sums.sums(), chunks.size(), chunkSize, text.getFileName().toString());
    }
  }
}
