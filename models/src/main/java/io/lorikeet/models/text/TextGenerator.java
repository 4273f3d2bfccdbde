package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaSampler;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/// Continues texts by llama.cpp, with a base or with a base and an adapter, as a user's llama.cpp
/// would, but that the KV cache is F32 and flash attention is off. Not for use by several threads
/// at once.
public final class TextGenerator implements AutoCloseable {
  /// Prompt tokens computed at once.
  private static final int BATCH = 512;

  private final LlamaModel model;
  private final LlamaContext context;

  private TextGenerator(LlamaModel model, LlamaContext context) {
    this.model = model;
    this.context = context;
  }

  /// How to choose tokens.
  ///
  /// @param maxTokens tokens to generate at most
  /// @param temperature 0 takes the likeliest token always; see [LlamaSampler#create]
  /// @param seed the same seed gives the same text, on the same machine with as many threads
  public record Sampling(int maxTokens, float temperature, long seed) {
    public Sampling {
      if (maxTokens < 1 || !(temperature >= 0) || Float.isInfinite(temperature)) {
        throw new InvalidInputException(
            "can't generate %s tokens at temperature %s: give at least 1, and a temperature of 0 or more"
                .formatted(maxTokens, temperature));
      }
    }
  }

  /// A generated text.
  ///
  /// @param text the continuation, without the prompt
  /// @param promptTokens tokens of the prompt
  /// @param tokens tokens generated, the one that ended the text not counted
  /// @param stopped whether the model ended the text itself, rather than being cut off
  /// @param seconds time of the generated tokens, without the prompt's
  public record Generation(
      String text, int promptTokens, int tokens, boolean stopped, double seconds) {

    /// Tokens generated in a second.
    public double tokensPerSecond() {
      return tokens / seconds;
    }
  }

  /// Loads a base, and an adapter that is applied as it was trained, on the CPU.
  ///
  /// @param contextLength tokens that prompt and continuation may have together
  /// @param threads threads to compute with
  /// @throws InvalidInputException when the base or the adapter isn't a valid GGUF file
  /// @throws io.lorikeet.bindings.GgmlException when llama.cpp can't load the adapter, or the
  ///     memory can't be had
  /// @throws IOException when they can't be read
  public static TextGenerator open(
      Path base, Optional<Path> adapter, int contextLength, int threads) throws IOException {
    if (adapter.isPresent()) {
      GgufFile.open(adapter.get()).close();
    }
    LlamaModel model = ModelLoader.load(base, LlamaModel.Options.CPU);
    try {
      Optional<LlamaAdapter> loaded = adapter.map(file -> LlamaAdapter.load(model, file));
      LlamaContext context = LlamaContext.create(model, contextLength, BATCH, threads);
      loaded.ifPresent(lora -> context.setAdapters(lora.scaledBy(1)));
      return new TextGenerator(model, context);
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  /// Continues a prompt until the model ends the text, the context is full or the number of tokens
  /// is reached. The prompt is tokenized as llama.cpp's programs do: with the tokens the vocabulary
  /// wants before it, and control tokens for their texts.
  ///
  /// @param listener receives the continuation piece by piece as it is generated, each of whole
  ///     characters
  /// @throws InvalidInputException when the prompt leaves no room in the context
  public Generation generate(String prompt, Sampling sampling, Consumer<String> listener) {
    return generate(model.vocabulary().tokenize(prompt, true, true), sampling, listener);
  }

  /// Continues the tokens of a prompt; see [#generate(String, Sampling, Consumer)].
  public Generation generate(int[] tokens, Sampling sampling, Consumer<String> listener) {
    requireRoom(tokens.length);
    try (LlamaSampler sampler = LlamaSampler.create(sampling.temperature(), sampling.seed())) {
      context.clear();
      context.activate(tokens);
      context.decode(tokens);
      long start = System.nanoTime();
      Continuation continuation =
          Continuation.of(context, sampler, sampling.maxTokens(), () -> false, listener);
      double seconds = (System.nanoTime() - start) / 1e9;
      return new Generation(
          continuation.text(),
          tokens.length,
          continuation.tokens().length,
          continuation.ended(),
          seconds);
    }
  }

  /// Whether the adapter acts in a prompt: an activated one doesn't where its invocation isn't
  /// there.
  public boolean isAdapted(int[] prompt) {
    return context.firstAdapted(prompt) != Invocation.NEVER;
  }

  private void requireRoom(int promptTokens) {
    if (promptTokens == 0) {
      throw new InvalidInputException(
          "the prompt is empty, and this base begins no text by itself. Give some text");
    }
    if (promptTokens > context.contextLength()) {
      throw new InvalidInputException(
          "the prompt has %s tokens, and the context only %s. Shorten it, or give a longer context"
              .formatted(promptTokens, context.contextLength()));
    }
  }

  /// The model it generates with.
  public LlamaModel model() {
    return model;
  }

  @Override
  public void close() {
    model.close();
  }
}
