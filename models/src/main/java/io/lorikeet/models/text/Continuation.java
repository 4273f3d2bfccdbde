package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaSampler;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/// The tokens that a model generated after those its context had decoded.
///
/// @param text the tokens as text, control tokens left out
/// @param tokens the tokens, without the one that ended the text
/// @param ended whether the model ended the text itself, rather than being cut off
record Continuation(String text, int[] tokens, boolean ended) {

  /// Generates until the model ends the text, the context is full, the number of tokens is reached
  /// or it is asked to stop. The context has decoded all of the tokens then, but perhaps the last.
  ///
  /// @param stop asked before each token
  /// @param listener receives the text piece by piece, each of whole characters
  static Continuation of(
      LlamaContext context,
      LlamaSampler sampler,
      int maxTokens,
      BooleanSupplier stop,
      Consumer<String> listener) {
    LlamaVocabulary vocabulary = context.model().vocabulary();
    StringBuilder text = new StringBuilder();
    CharacterStream characters = new CharacterStream(listener.andThen(text::append));
    IntStream.Builder tokens = IntStream.builder();
    boolean ended = false;
    for (int generated = 0; generated < maxTokens && !stop.getAsBoolean(); generated++) {
      int token = sampler.sample(context);
      ended = vocabulary.isEndOfGeneration(token);
      if (ended) {
        break;
      }
      characters.add(vocabulary.piece(token, false));
      tokens.add(token);
      if (context.length() == context.contextLength()) {
        break;
      }
      context.decode(token);
    }
    characters.finish();
    return new Continuation(text.toString(), tokens.build().toArray(), ended);
  }
}
