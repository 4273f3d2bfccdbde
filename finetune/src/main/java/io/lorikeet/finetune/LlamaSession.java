package io.lorikeet.finetune;

import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.export.LlamaLogits;
import io.lorikeet.export.TextLoss;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ModelLoader;
import io.lorikeet.train.data.TokenizedExample;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/// A base, and perhaps an adapter, in stock llama.cpp.
@Beta
public final class LlamaSession implements AutoCloseable {
  private static final int BATCH = 512;

  private final LlamaModel model;
  private final Optional<LlamaAdapter> adapter;

  private LlamaSession(LlamaModel model, Optional<LlamaAdapter> adapter) {
    this.model = model;
    this.adapter = adapter;
  }

  /// Checks both files and loads them.
  public static LlamaSession open(Path baseFile, Optional<Path> adapterFile) throws IOException {
    checkAdapter(baseFile, adapterFile);
    LlamaModel model = ModelLoader.load(baseFile, LlamaModel.Options.CPU);
    try {
      return new LlamaSession(model, adapterFile.map(file -> LlamaAdapter.load(model, file)));
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  /// Refuses an adapter that isn't one for this base.
  public static void checkAdapter(Path baseFile, Optional<Path> adapterFile) throws IOException {
    if (adapterFile.isPresent()) {
      try (GgufFile base = GgufFile.open(baseFile)) {
        AdapterFile.read(adapterFile.get(), base);
      }
    }
  }

  /// Tokens of the longest text that the base was made for.
  public int contextLength() {
    return model.contextLength();
  }

  public boolean hasAdapter() {
    return adapter.isPresent();
  }

  /// Measures the loss of examples.
  ///
  /// @param withAdapter whether the adapter computes too
  /// @param context tokens of the longest example
  /// @param threads CPU threads
  /// @param done told after each example how many are done
  public TextLoss loss(
      List<TokenizedExample> examples,
      boolean withAdapter,
      int context,
      int threads,
      IntConsumer done) {
    TextLoss loss = new TextLoss();
    try (LlamaContext computing =
        LlamaContext.create(model, context, Math.min(context, BATCH), threads)) {
      for (int i = 0; i < examples.size(); i++) {
        TokenizedExample example = examples.get(i);
        Optional<LlamaAdapter> applied = withAdapter ? adapter : Optional.empty();
        LlamaLogits logits = new LlamaLogits(computing, applied, example.promptLength());
        loss.add(logits, example.tokens(), example.weights());
        done.accept(i + 1);
      }
    }
    return loss;
  }

  @Override
  public void close() {
    model.close(); // and with it the adapter
  }
}
