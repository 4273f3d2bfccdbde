package io.lorikeet.train.data;

import java.util.OptionalInt;
import java.util.function.Function;

/// How a base's vocabulary writes text.
///
/// @param encode tokens of a text, without added special tokens, and with none read out of the text
///     itself
/// @param begin token that stands before every text, where the vocabulary adds one
/// @param end token that ends a text, on which generation stops
public record TextEncoding(Function<String, int[]> encode, OptionalInt begin, OptionalInt end) {
  int[] tokens(String text) {
    return encode.apply(text);
  }
}
