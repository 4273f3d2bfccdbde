package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;

/// How a SentencePiece vocabulary spells a character that isn't one of its tokens: byte by byte, as `<0xE2>` and so
/// on. Where such a token is missing, libllama's `byte_to_token` throws an exception that ends the process; so the
/// text is checked before.
///
/// @param missing bytes the vocabulary has no token for
/// @param characters characters that are tokens; empty when no byte is missing
/// @param addsSpace whether a text is tokenized with a space before it
record ByteFallback(BitSet missing, Set<String> characters, boolean addsSpace) {
  /// Spells everything.
  static final ByteFallback COMPLETE = new ByteFallback(new BitSet(), Set.of(), false);

  private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");
  private static final String SPACE = "\u2581";

  static ByteFallback of(LlamaVocabulary vocabulary) {
    BitSet missing = new BitSet();
    missing.set(0, 256);
    Set<String> characters = new HashSet<>();
    for (int id = 0; id < vocabulary.size(); id++) {
      String text = vocabulary.tokenText(id);
      if (BYTE.matcher(text).matches()) {
        missing.clear(Integer.parseInt(text, 3, 5, 16));
      } else if (text.codePointCount(0, text.length()) == 1) {
        characters.add(text);
        if (text.charAt(0) < 0x80) {
          missing.clear(text.charAt(0));
        }
      }
    }
    return missing.isEmpty() ? COMPLETE : new ByteFallback(missing, characters, vocabulary.addsSpace());
  }

  /// @throws GgmlException naming the first character that can't be spelled
  void requireSpellable(String text) {
    if (missing.isEmpty() || text.isEmpty()) {
      return;
    }
    if (addsSpace) {
      requireSpellable(' ');
    }
    text.codePoints().forEach(this::requireSpellable);
  }

  private void requireSpellable(int codePoint) {
    String character = codePoint == ' ' ? SPACE : Character.toString(codePoint);
    if (characters.contains(character)) {
      return;
    }
    for (byte b : character.getBytes(StandardCharsets.UTF_8)) {
      if (missing.get(Byte.toUnsignedInt(b))) {
        throw new GgmlException(
            "the vocabulary has no token for %s (U+%04X), nor for all of its bytes"
                .formatted(Character.isISOControl(codePoint) ? "this character" : "'" + character + "'", codePoint));
      }
    }
  }
}
