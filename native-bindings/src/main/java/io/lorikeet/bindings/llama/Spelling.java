package io.lorikeet.bindings.llama;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Which texts a SentencePiece vocabulary can spell. A character that isn't one of its tokens is
/// spelled byte by byte, as `<0xE2>` and so on; small vocabularies have no such tokens, and
/// libllama's `byte_to_token` then throws an exception that ends the process. Here such characters
/// are found before, so that they can become the unknown token as in SentencePiece and Hugging
/// Face's tokenizers.
final class Spelling {
  private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");
  // Flags of enum llama_token_attr (llama.h).
  static final int UNKNOWN = 1 << 0;
  static final int CONTROL = 1 << 3;
  private static final int USER_DEFINED = 1 << 4;
  private static final int SPECIAL = UNKNOWN | CONTROL | USER_DEFINED;
  static final int STRIPS_BEFORE = 1 << 7;
  static final int STRIPS_AFTER = 1 << 8;
  private static final String SPACE = "\u2581"; // libllama's replacement of a space

  private final BitSet missingBytes = new BitSet();
  private final Set<String> characters = new HashSet<>();
  private final Set<Integer> partsOfLongerTokens = new HashSet<>();
  private final List<String> control = new ArrayList<>();
  private final List<String> userDefined = new ArrayList<>();
  private final List<Integer> broken = new ArrayList<>();
  private final Pattern always;
  private final Pattern parsed;

  /// Looks through all tokens of the vocabulary.
  Spelling(LlamaVocabulary vocabulary) {
    missingBytes.set(0, 256);
    for (int id = 0; id < vocabulary.size(); id++) {
      if (vocabulary.isUtf8(id)) {
        add(vocabulary.tokenText(id), vocabulary.attributes(id));
      } else if ((vocabulary.attributes(id) & SPECIAL) != 0) {
        broken.add(id);
      }
    }
    always = anyOf(userDefined);
    control.addAll(userDefined);
    parsed = anyOf(control);
  }

  private void add(String text, int attributes) {
    if ((attributes & (CONTROL | UNKNOWN)) != 0) {
      control.add(text);
    } else if ((attributes & USER_DEFINED) != 0) {
      userDefined.add(text);
    } else if (BYTE.matcher(text).matches()) {
      missingBytes.clear(Integer.parseInt(text, 3, 5, 16));
    } else if (text.codePointCount(0, text.length()) > 1) {
      text.codePoints().forEach(partsOfLongerTokens::add);
    } else {
      characters.add(text);
      if (text.charAt(0) < 0x80) {
        missingBytes.clear(text.charAt(0));
      }
    }
  }

  /// Matches any of the texts, the longest first as libllama does; nothing when there is none.
  private static Pattern anyOf(List<String> texts) {
    return Pattern.compile(
        texts.isEmpty()
            ? "(?!)"
            : texts.stream()
                .sorted(Comparator.comparingInt(String::length).reversed())
                .map(Pattern::quote)
                .collect(Collectors.joining("|")));
  }

  /// Whether every text can be spelled.
  boolean isComplete() {
    return missingBytes.isEmpty();
  }

  /// Tokens that libllama looks for in a text and whose own texts aren't UTF-8: it could find them
  /// within a character, of which the rest has no token then.
  List<Integer> broken() {
    return broken;
  }

  /// Whether the space can be spelled.
  boolean hasSpace() {
    return spells(' ');
  }

  /// A character that is a token and occurs in no longer one, so that what follows it is tokenized
  /// independently.
  Optional<String> separator() {
    return characters.stream()
        .filter(c -> !c.equals(SPACE) && !partsOfLongerTokens.contains(c.codePointAt(0)))
        .filter(c -> control.stream().noneMatch(text -> text.contains(c)))
        .min(Comparator.naturalOrder());
  }

  /// The parts of a text between characters that can't be spelled: one part when all can. Several
  /// such characters in a row separate two parts only once.
  ///
  /// @param parseSpecial whether the texts of control tokens stand for these
  List<String> parts(String text, boolean parseSpecial) {
    if (isComplete()) {
      return List.of(text);
    }
    Matcher special = (parseSpecial ? parsed : always).matcher(text);
    int specialStart = special.find() ? special.start() : text.length();
    List<String> parts = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); ) {
      if (i == specialStart) {
        i = special.end();
        specialStart = special.find() ? special.start() : text.length();
        continue;
      }
      int codePoint = text.codePointAt(i);
      if (!spells(codePoint)) {
        if (i > start || parts.isEmpty()) {
          parts.add(text.substring(start, i));
        }
        start = i + Character.charCount(codePoint);
      }
      i += Character.charCount(codePoint);
    }
    parts.add(text.substring(start));
    return parts;
  }

  private boolean spells(int codePoint) {
    String character = codePoint == ' ' ? SPACE : Character.toString(codePoint);
    if (characters.contains(character)) {
      return true;
    }
    for (byte b : character.getBytes(StandardCharsets.UTF_8)) {
      if (missingBytes.get(Byte.toUnsignedInt(b))) {
        return false;
      }
    }
    return true;
  }
}
