package io.lorikeet.train.data;

import io.lorikeet.bindings.llama.LlamaVocabulary;
import io.lorikeet.models.text.Tokenizer;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;

/// How a base's vocabulary writes text. Safe for use by several threads at once.
///
/// @param encode tokens of a text, without added special tokens, and with none read out of the text
///     itself
/// @param begin token that stands before every text, where the vocabulary adds one
/// @param after token that stands after every text to embed, where the vocabulary adds one
/// @param end token that ends a text, on which generation stops
/// @param unknown token for characters that the vocabulary can't spell, where there are such
/// @param identity names all that decides how text becomes tokens; empty where that isn't known,
///     and tokens can't be kept for another run
/// @param ends whether llama.cpp stops generating at a token
/// @param piece the bytes that a token adds to a text
/// @param controlTokens texts of control tokens, such as `<|im_end|>`, which `encode` takes for
///     plain text, by their first character
/// @param chats how chats are written; empty where that isn't known
public record TextEncoding(
    Function<String, int[]> encode,
    OptionalInt begin,
    OptionalInt after,
    OptionalInt end,
    OptionalInt unknown,
    Optional<String> identity,
    IntPredicate ends,
    IntFunction<byte[]> piece,
    Map<Character, List<String>> controlTokens,
    Optional<ChatEncoding> chats) {

  public TextEncoding {
    controlTokens = Map.copyOf(controlTokens);
  }

  /// Of a vocabulary that can spell everything, and whose tokens have no line breaks in them.
  public TextEncoding(
      Function<String, int[]> encode,
      OptionalInt begin,
      OptionalInt end,
      List<String> controlTokens) {
    this(
        encode,
        begin,
        OptionalInt.empty(),
        end,
        OptionalInt.empty(),
        Optional.empty(),
        token -> end.isPresent() && end.getAsInt() == token,
        _ -> new byte[0],
        byFirst(controlTokens),
        Optional.empty());
  }

  /// Of one whose control tokens have no text, either.
  public TextEncoding(Function<String, int[]> encode, OptionalInt begin, OptionalInt end) {
    this(encode, begin, end, List.of());
  }

  /// The vocabulary's as llama.cpp serves it: it begins prompts with the begin token where the base
  /// says so, and stops at the end of text, or of a turn where there is nothing else.
  ///
  /// @param vocabulary must stay open as long as the encoding is used
  public static TextEncoding of(LlamaVocabulary vocabulary) {
    return of(vocabulary, Optional.empty(), Optional.empty());
  }

  /// The same of a tokenizer, whose tokens can be kept for another run, with chats.
  ///
  /// @param tokenizer must stay open as long as the encoding is used
  /// @param chatTemplate one of the base's further templates, one of Lorikeet's, or a file; empty
  ///     for the base's own, or ChatML where it has none
  /// @throws io.lorikeet.quant.InvalidInputException when the template can't be used
  /// @throws IOException when its file can't be read
  public static TextEncoding of(Tokenizer tokenizer, Optional<String> chatTemplate)
      throws IOException {
    ChatEncoding chats = ChatEncoding.of(tokenizer, chatTemplate);
    String identity = tokenizer.hash() + chats.identity();
    return of(tokenizer.vocabulary(), Optional.of(identity), Optional.of(chats));
  }

  private static TextEncoding of(
      LlamaVocabulary vocabulary, Optional<String> identity, Optional<ChatEncoding> chats) {
    return new TextEncoding(
        text -> vocabulary.tokenize(text, false, false),
        vocabulary.addsBos() ? vocabulary.bos() : OptionalInt.empty(),
        vocabulary.addsEos() ? vocabulary.eos() : OptionalInt.empty(),
        vocabulary.eos().isPresent() ? vocabulary.eos() : vocabulary.eot(),
        vocabulary.unknown(),
        identity,
        vocabulary::isEndOfGeneration,
        token -> vocabulary.piece(token, false),
        byFirst(vocabulary.controlTokens()),
        chats);
  }

  private static Map<Character, List<String>> byFirst(List<String> controlTokens) {
    return controlTokens.stream().collect(Collectors.groupingBy(text -> text.charAt(0)));
  }

  int[] tokens(String text) {
    return encode.apply(text);
  }

  /// Line breaks in what a token adds to a text.
  int lineBreaks(int token) {
    int count = 0;
    for (byte next : piece.apply(token)) {
      count += next == '\n' ? 1 : 0;
    }
    return count;
  }

  /// Whether a text holds the name of a control token.
  boolean spellsControl(String text) {
    for (Map.Entry<Character, List<String>> names : controlTokens.entrySet()) {
      int at = text.indexOf(names.getKey());
      while (at >= 0) {
        for (String name : names.getValue()) {
          if (text.startsWith(name, at)) {
            return true;
          }
        }
        at = text.indexOf(names.getKey(), at + 1);
      }
    }
    return false;
  }
}
