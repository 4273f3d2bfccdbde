package io.lorikeet.cli;

import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaSampler;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.export.AdapterFile;
import io.lorikeet.export.LlamaLogits;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.LlamaLimits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/// A base, and perhaps an adapter, in stock llama.cpp. Both files are checked before llama.cpp sees
/// them.
final class LlamaSession implements AutoCloseable {
  private final LlamaModel model;
  private final Optional<LlamaAdapter> adapter;
  private final int threads;

  private LlamaSession(LlamaModel model, Optional<LlamaAdapter> adapter, int threads) {
    this.model = model;
    this.adapter = adapter;
    this.threads = threads;
  }

  /// @param adapterFile null for the base alone
  static LlamaSession open(Path baseFile, Path adapterFile, int threads) throws IOException {
    Path first;
    try (GgufFile base = GgufFile.open(baseFile)) {
      LlamaLimits.check(base);
      if (adapterFile != null) {
        AdapterFile.read(adapterFile, base);
      }
      first = base.paths().getFirst();
    }
    LlamaModel model = LlamaModel.load(first, LlamaModel.Options.CPU);
    try {
      Optional<LlamaAdapter> adapter =
          Optional.ofNullable(adapterFile).map(file -> LlamaAdapter.load(model, file));
      return new LlamaSession(model, adapter, threads);
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  LlamaVocabulary vocabulary() {
    return model.vocabulary();
  }

  /// Tokens of the longest text the base was made for.
  int contextLength() {
    return model.contextLength();
  }

  boolean hasAdapter() {
    return adapter.isPresent();
  }

  /// A context to compute in, for the caller to close.
  LlamaContext context(int length) {
    return LlamaContext.create(model, length, Math.min(length, 512), threads);
  }

  /// Logits in a context, with the adapter or without.
  LlamaLogits logits(LlamaContext context, boolean withAdapter) {
    return new LlamaLogits(context, withAdapter ? adapter : Optional.empty());
  }

  /// Continues a prompt until the model ends the text, with the adapter where there is one.
  ///
  /// @param most tokens to generate at most
  /// @param sampler chooses the tokens; the caller's to close
  /// @param text is given the continuation as it comes
  void generate(
      String prompt, int most, LlamaSampler sampler, boolean withAdapter, Consumer<String> text) {
    int[] tokens = vocabulary().tokenize(prompt, true, true);
    if (tokens.length == 0) {
      throw new InvalidInputException(
          "the prompt is empty, and this base has no token to begin with");
    }
    if ((long) tokens.length + most > contextLength()) {
      throw new InvalidInputException(
          "the prompt's %d tokens and %d more don't fit into the base's context of %d"
              .formatted(tokens.length, most, contextLength()));
    }
    Utf8Stream characters = new Utf8Stream(text);
    try (LlamaContext context = context(tokens.length + most)) {
      if (withAdapter) {
        adapter.ifPresent(loaded -> context.setAdapters(loaded.scaledBy(1)));
      }
      context.decode(tokens);
      for (int made = 0; made < most; made++) {
        int token = sampler.sample(context);
        if (vocabulary().isEndOfGeneration(token)) {
          break;
        }
        characters.write(vocabulary().piece(token, false));
        context.decode(token);
      }
    }
    characters.end();
  }

  @Override
  public void close() {
    model.close(); // and with it the adapter
  }
}
