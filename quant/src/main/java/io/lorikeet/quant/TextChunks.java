package io.lorikeet.quant;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/// A text in pieces of as many tokens each, as llama.cpp's `llama-imatrix` and `llama-perplexity`
/// read it: each piece begins with the token that begins texts, if the vocabulary adds one.
public final class TextChunks {
  private static final Pattern RECORDS =
      Pattern.compile(".*\\.(jsonl?|ndjson|csv|tsv|parquet)(\\.(gz|zst|zstd))?");
  private static final JsonFactory JSON = new JsonFactory();

  private TextChunks() {}

  /// Reads a text; an incomplete chunk at its end is left out. Examples as records are refused, for
  /// their keys, quotes and escapes are nothing that a model is given.
  ///
  /// @param text a file in UTF-8
  /// @param size tokens of a piece
  /// @throws InvalidInputException when there is no such text, or it is too short for one piece
  public static List<int[]> read(Path text, LlamaVocabulary vocabulary, int size)
      throws IOException {
    if (Files.isDirectory(text)) {
      throw new InvalidInputException(text + " is a folder. Give a text file");
    }
    requireNoRecords(text);
    int[] tokens;
    try {
      String content = Files.readString(text); // once: it may be a pipe
      if (isJson(content)) {
        throw records(text);
      }
      tokens = vocabulary.tokenize(content, true, false);
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

  private static void requireNoRecords(Path text) {
    String name = text.getFileName().toString().toLowerCase(Locale.ROOT);
    if (RECORDS.matcher(name).matches()) {
      throw records(text);
    }
  }

  private static InvalidInputException records(Path text) {
    return new InvalidInputException(
        text + " holds examples as records, no text. Give their texts, as jq -r .text writes them");
  }

  /// Whether a text begins with an object of JSON, or with a list of objects or strings.
  private static boolean isJson(String text) {
    try (JsonParser parser = JSON.createParser(text.replaceFirst("^\uFEFF", ""))) {
      JsonToken token = parser.nextToken();
      if (token == JsonToken.START_ARRAY) {
        token = parser.nextToken();
        parser.skipChildren();
        return token == JsonToken.START_OBJECT || token == JsonToken.VALUE_STRING;
      }
      parser.skipChildren();
      return token == JsonToken.START_OBJECT;
    } catch (IOException _) {
      return false; // it begins like JSON and isn't
    }
  }
}
