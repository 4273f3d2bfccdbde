package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/// What libllama asserts of a vocabulary while loading it (`llama_vocab::impl::load`).
final class VocabularyCheck {
  private static final String TOKENS = "tokenizer.ggml.tokens";

  private VocabularyCheck() {}

  /// @throws GgmlException naming what libllama would end the process for
  static void check(Path file) {
    try (GgufHeader header = new GgufHeader(file)) {
      long key = header.find(TOKENS);
      // A vocabulary that is missing or no list of strings is refused by libllama itself.
      if (key >= 0 && header.isStrings(key)) {
        requireDistinct(header, key);
      }
    }
  }

  private static void requireDistinct(GgufHeader header, long key) {
    int size = Math.toIntExact(header.length(key));
    Map<String, Integer> ids = HashMap.newHashMap(size);
    for (int id = 0; id < size; id++) {
      String token = header.bytes(key, id);
      if (token.isEmpty()) {
        token = "[EMPTY_" + id + "]"; // libllama's name for it
      }
      Integer first = ids.putIfAbsent(token, id);
      if (first != null) {
        String text =
            new String(token.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        throw new GgmlException(
            "llama.cpp can't load "
                + header.file()
                + ": its tokens "
                + first
                + " and "
                + id
                + " are both '"
                + text
                + "'");
      }
    }
  }
}
