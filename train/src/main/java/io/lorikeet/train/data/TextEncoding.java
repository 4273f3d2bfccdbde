package io.lorikeet.train.data;

import io.lorikeet.bindings.llama.LlamaVocabulary;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.Predicate;

/// How a base's vocabulary writes text.
///
/// @param encode tokens of a text, without added special tokens, and with none read out of the text
///     itself
/// @param begin token that stands before every text, where the vocabulary adds one
/// @param end token that ends a text, on which generation stops
/// @param spellsControl whether a text holds the name of a control token, such as `<|im_end|>`,
///     which `encode` takes for plain text
public record TextEncoding(
    Function<String, int[]> encode,
    OptionalInt begin,
    OptionalInt end,
    Predicate<String> spellsControl) {

  /// The vocabulary's as llama.cpp serves it: it begins prompts with the begin token where the base
  /// says so, and stops at the end of text, or of a turn where there is nothing else.
  ///
  /// @param vocabulary must stay open as long as the encoding is used
  public static TextEncoding of(LlamaVocabulary vocabulary) {
    return new TextEncoding(
        text -> vocabulary.tokenize(text, false, false),
        vocabulary.addsBos() ? vocabulary.bos() : OptionalInt.empty(),
        vocabulary.eos().isPresent() ? vocabulary.eos() : vocabulary.eot(),
        text -> spellsControl(vocabulary, text));
  }

  private static boolean spellsControl(LlamaVocabulary vocabulary, String text) {
    boolean mayBe = text.indexOf('<') >= 0 || text.indexOf('[') >= 0; // all known families' do
    return mayBe
        && !Arrays.equals(
            vocabulary.tokenize(text, false, false), vocabulary.tokenize(text, false, true));
  }

  int[] tokens(String text) {
    return encode.apply(text);
  }
}
