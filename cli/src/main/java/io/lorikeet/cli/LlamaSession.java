package io.lorikeet.cli;

import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.export.LlamaLogits;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/// A base, and perhaps an adapter, in stock llama.cpp.
final class LlamaSession implements AutoCloseable {
  private final LlamaModel model;
  private final Optional<LlamaAdapter> adapter;

  private LlamaSession(LlamaModel model, Optional<LlamaAdapter> adapter) {
    this.model = model;
    this.adapter = adapter;
  }

  /// Checks both files and loads them.
  static LlamaSession open(Path baseFile, Optional<Path> adapterFile) throws IOException {
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
  static void checkAdapter(Path baseFile, Optional<Path> adapterFile) throws IOException {
    if (adapterFile.isPresent()) {
      try (GgufFile base = GgufFile.open(baseFile)) {
        AdapterFile.read(adapterFile.get(), base);
      }
    }
  }

  LlamaModel model() {
    return model;
  }

  boolean hasAdapter() {
    return adapter.isPresent();
  }

  /// Logits in a context of this model, with the adapter or without.
  LlamaLogits logits(LlamaContext context, boolean withAdapter) {
    return new LlamaLogits(context, withAdapter ? adapter : Optional.empty());
  }

  @Override
  public void close() {
    model.close(); // and with it the adapter
  }
}
