package io.lorikeet.train.data;

import io.lorikeet.bindings.llama.LlamaVocabulary;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Function;

/// How a base's vocabulary writes text.
///
/// @param encode tokens of a text, without added special tokens, and with none read out of the text
///     itself
/// @param begin token that stands before every text, where the vocabulary adds one
/// @param end token that ends a text, on which generation stops
/// @param controlTokens texts of control tokens, such as `<|im_end|>`, which `encode` takes for
///     plain text
public record TextEncoding(
    Function<String, int[]> encode,
    OptionalInt begin,
    OptionalInt end,
    List<String> controlTokens) {

  public TextEncoding {
    controlTokens = List.copyOf(controlTokens);
  }

  /// Of a vocabulary whose control tokens have no text.
  public TextEncoding(Function<String, int[]> encode, OptionalInt begin, OptionalInt end) {
    this(encode, begin, end, List.of());
  }

  /// The vocabulary's as llama.cpp serves it: it begins prompts with the begin token where the base
  /// says so, and stops at the end of text, or of a turn where there is nothing else.
  ///
  /// @param vocabulary must stay open as long as the encoding is used
  public static TextEncoding of(LlamaVocabulary vocabulary) {
    return new TextEncoding(
        text -> vocabulary.tokenize(text, false, false),
        vocabulary.addsBos() ? vocabulary.bos() : OptionalInt.empty(),
        vocabulary.eos().isPresent() ? vocabulary.eos() : vocabulary.eot(),
        vocabulary.controlTokens());
  }

  int[] tokens(String text) {
    return encode.apply(text);
  }

  /// Whether a text holds the name of a control token.
  boolean spellsControl(String text) {
    return controlTokens.stream().anyMatch(text::contains);
  }
}
