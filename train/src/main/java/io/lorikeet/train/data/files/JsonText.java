package io.lorikeet.train.data.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// Reads JSON: all that carries data passes through here. Bytes become characters by Java's own
/// strict decoder, since the library's takes sequences that aren't UTF-8. Python writes NaN and
/// infinities, which are read, so that they only matter where they are used ([JsonValues#plain]).
final class JsonText {
  /// Deeper values can't be given to a chat template, either.
  static final int DEEPEST = 200;

  private static final int SHOWN = 12; // characters on both sides of a mistake

  private static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxStringLength(ByteLines.LONGEST)
                          .maxNameLength(ByteLines.LONGEST)
                          .maxNestingDepth(DEEPEST)
                          .build())
                  .build())
          .build();

  private JsonText() {}

  /// A text that isn't one JSON value.
  static final class MalformedException extends Exception {
    private static final long serialVersionUID = 1;
    private final boolean breaksOff;

    private MalformedException(String message, boolean breaksOff) {
      super(message);
      this.breaksOff = breaksOff;
    }

    /// Whether it would be one if more followed.
    boolean breaksOff() {
      return breaksOff;
    }
  }

  /// The text of bytes in UTF-8, without a byte order mark; empty where they aren't UTF-8.
  static Optional<String> decode(byte[] bytes) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return Optional.of(text.startsWith("\uFEFF") ? text.substring(1) : text);
    } catch (CharacterCodingException _) {
      return Optional.empty();
    }
  }

  /// The value that a text is, and nothing else.
  static JsonNode read(String text) throws MalformedException {
    try (JsonParser parser = MAPPER.createParser(text)) {
      try {
        JsonNode value = MAPPER.readTree(parser);
        if (value == null) {
          throw new MalformedException("it is empty", true);
        }
        if (parser.nextToken() == null) {
          return value;
        }
        int end = (int) parser.currentTokenLocation().getCharOffset();
        throw new MalformedException(
            "something follows it at column %s: %s".formatted(end + 1, near(text, end, 0)), false);
      } catch (JsonProcessingException e) {
        int place = Math.clamp(location(e, parser).getCharOffset(), 0, text.length());
        boolean breaksOff = e instanceof JsonEOFException;
        String found = breaksOff ? "" : ", near " + near(text, place, SHOWN);
        throw new MalformedException(explain(e, parser) + found, breaksOff);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e); // there is no file
    }
  }

  /// A parser of values, one after another.
  static JsonParser parser(Reader reader) throws IOException {
    return MAPPER.createParser(reader);
  }

  /// The value that begins with the parser's token.
  static JsonNode value(JsonParser parser) throws IOException {
    return MAPPER.readTree(parser);
  }

  /// Where reading stopped.
  static JsonLocation location(JsonProcessingException e, JsonParser parser) {
    return e.getLocation() == null ? parser.currentLocation() : e.getLocation();
  }

  /// The problem in words, with its column and key.
  static String explain(JsonProcessingException e, JsonParser parser) {
    JsonStreamContext within = parser.getParsingContext();
    while (within.getCurrentName() == null && !within.inRoot()) {
      within = within.getParent();
    }
    String key = within.getCurrentName();
    String place =
        "at column "
            + location(e, parser).getColumnNr()
            + (key == null ? "" : ", key '" + key + "'");
    return switch (e) {
      case JsonEOFException _ -> place + ": it breaks off";
      case StreamConstraintsException _ when isDeep(parser) ->
          place + ": nested deeper than " + DEEPEST + " levels";
      case StreamConstraintsException _ ->
          place + ": a number of over 1,000 digits, or a text of over 64 MiB";
      default ->
          isRepeated(e, parser)
              ? place + ": the key stands twice in its object"
              : place + ": this isn't JSON";
    };
  }

  private static boolean isDeep(JsonParser parser) {
    return parser.getParsingContext().getNestingDepth() >= DEEPEST;
  }

  /// The library has no type of its own for it.
  private static boolean isRepeated(JsonProcessingException e, JsonParser parser) {
    return parser.getParsingContext().inObject() && e.getOriginalMessage().startsWith("Duplicate");
  }

  private static String near(String text, int place, int before) {
    int from = Math.max(0, place - before);
    int to = Math.min(text.length(), place + SHOWN);
    String part = text.substring(from, to).replaceAll("\\p{Cntrl}|\\p{Cs}", " ");
    return (before > 0 && from > 0 ? "…" : "") + part + (to < text.length() ? "…" : "");
  }
}
