package io.lorikeet.train.data.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.regex.Pattern;

/// Reads JSON Lines, or a JSON array.
final class JsonRecords {
  private static final int SEEN_FOR_KIND = 4096;

  private static final Pattern SOURCE = Pattern.compile(" \\(?[^()]*\\[Source: .*\\]\\)?");

  /// For all that is JSON in data. A string may be as long as the longest line.
  static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxStringLength(ByteLines.LONGEST).build())
                  .build())
          .build();

  /// For a text that is one value and nothing else.
  static final ObjectReader WHOLE =
      MAPPER.readerFor(JsonNode.class).with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final DataStream stream;
  private final RecordSink sink;
  private final Runnable progress;

  /// @param progress called now and then while it reads
  JsonRecords(DataStream stream, RecordSink sink, Runnable progress) {
    this.stream = stream;
    this.sink = sink;
    this.progress = progress;
  }

  void read() throws IOException {
    byte[] start = stream.peek(4);
    String trouble = notText(start);
    if (!trouble.isEmpty()) {
      sink.badFile(0, trouble);
    } else if (firstCharacter() == '[') {
      readArray();
    } else {
      readLines();
    }
  }

  private void readLines() throws IOException {
    ByteLines lines = new ByteLines(stream.input());
    for (byte[] line = lines.next(); line != null; line = lines.next()) {
      int number = lines.number();
      if (lines.tooLong()) {
        sink.badLine(
            number,
            "the line is longer than "
                + (ByteLines.LONGEST >> 20)
                + " MiB; expected one example per line");
      } else if (indexOf(line, (byte) 0) >= 0) {
        sink.badLine(number, "a NUL byte; expected text in UTF-8");
      } else if (!isBlank(line)) {
        readLine(line, number);
      }
      progress.run();
    }
  }

  private void readLine(byte[] line, int number) throws IOException {
    JsonNode value;
    try {
      value = WHOLE.readTree(line);
    } catch (JsonProcessingException e) {
      sink.badLine(
          number, "expected a JSON object on one line; at column " + column(e) + ": " + message(e));
      return;
    }
    sink.record(value, number);
  }

  private void readArray() throws IOException {
    try (JsonParser parser = MAPPER.createParser(stream.input())) {
      parser.nextToken();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        int line = parser.currentTokenLocation().getLineNr();
        JsonNode value = MAPPER.readTree(parser);
        sink.record(value, line);
        progress.run();
      }
      if (parser.nextToken() != null) {
        sink.badFile(
            parser.currentTokenLocation().getLineNr(),
            "something follows the end of the JSON array");
      }
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      sink.badFile(
          at == null ? 0 : at.getLineNr(),
          "the JSON array can't be read on from here, column " + column(e) + ": " + message(e));
    }
  }

  /// Why a file that should hold JSON can't, seen from its beginning; empty if nothing is wrong
  /// with that.
  private static String notText(byte[] start) {
    int first = start.length > 0 ? start[0] & 0xFF : 0;
    int second = start.length > 1 ? start[1] & 0xFF : 0;
    if (first == 0xFE && second == 0xFF || first == 0xFF && second == 0xFE) {
      return "is text in UTF-16; save it as UTF-8";
    }
    if (first == 'P' && second == 'K') {
      return "is a zip archive; unpack it first";
    }
    return indexOf(start, (byte) 0) >= 0 ? "isn't text in UTF-8" : "";
  }

  /// The first character that is neither blank nor a byte order mark; 0 if there is none within the
  /// first bytes.
  private int firstCharacter() throws IOException {
    for (byte next : stream.peek(SEEN_FOR_KIND)) {
      boolean mark = next == (byte) 0xEF || next == (byte) 0xBB || next == (byte) 0xBF;
      if (!mark && !isBlank(next)) {
        return next;
      }
    }
    return 0;
  }

  private static boolean isBlank(byte[] line) {
    for (byte next : line) {
      if (!isBlank(next)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isBlank(byte next) {
    return next == ' ' || next == '\t' || next == '\r' || next == '\n';
  }

  private static int indexOf(byte[] bytes, byte wanted) {
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == wanted) {
        return i;
      }
    }
    return -1;
  }

  private static int column(JsonProcessingException e) {
    return e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
  }

  /// What Jackson says, without its words on where the text came from.
  static String message(JsonProcessingException e) {
    String message = e.getOriginalMessage().lines().findFirst().orElse("it isn't JSON");
    return SOURCE.matcher(message).replaceAll("");
  }
}
