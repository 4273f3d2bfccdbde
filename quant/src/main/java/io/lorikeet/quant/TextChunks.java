package io.lorikeet.quant;

import io.lorikeet.bindings.llama.LlamaVocabulary;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A text in pieces of as many tokens each, as llama.cpp's `llama-imatrix` and `llama-perplexity`
/// read it: each piece begins with the token that begins texts, if the vocabulary adds one.
public final class TextChunks {
  private TextChunks() {}

  /// Reads a text; what is left over at its end is left out.
  ///
  /// @param text a file in UTF-8
  /// @param size tokens of a piece
  /// @throws InvalidInputException when there is no such text, or it is too short for one piece
  public static List<int[]> read(Path text, LlamaVocabulary vocabulary, int size)
      throws IOException {
    if (Files.isDirectory(text)) {
      throw new InvalidInputException(text + " is a folder. Give a text file");
    }
    int[] tokens;
    try {
      tokens = vocabulary.tokenize(Files.readString(text), true, false);
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(text + " doesn't exist. Check the name", e);
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(text + " isn't a text in UTF-8", e);
    }
    if (tokens.length < size) {
      throw new InvalidInputException(
          "%s has %s tokens, fewer than one piece of %s. Give a longer text, or a smaller --context"
              .formatted(text, tokens.length, size));
    }
    List<int[]> chunks = new ArrayList<>();
    for (int from = 0; from + size <= tokens.length; from += size) {
      int[] chunk = Arrays.copyOfRange(tokens, from, from + size);
      if (vocabulary.addsBos()) {
        chunk[0] = tokens[0];
      }
      chunks.add(chunk);
    }
    return chunks;
  }
}
