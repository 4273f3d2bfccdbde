package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.text.template.ServedTemplate;
import java.util.stream.IntStream;

/// The tokens of prompts, exactly as training makes them.
public final class PromptTokens {
  private PromptTokens() {}

  /// The tokens of a text that is to be gone on with.
  public static int[] of(String text, LlamaVocabulary vocabulary) {
    int[] tokens = vocabulary.tokenize(text, false, false);
    IntStream begin = vocabulary.addsBos() ? vocabulary.bos().stream() : IntStream.empty();
    return IntStream.concat(begin, IntStream.of(tokens)).toArray();
  }

  /// The tokens of a chat that the assistant is to answer.
  ///
  /// @param template made for this vocabulary
  public static int[] of(Conversation chat, ServedTemplate template, LlamaVocabulary vocabulary) {
    return new ChatTokenizer(vocabulary).encode(template.render(chat, true));
  }
}
