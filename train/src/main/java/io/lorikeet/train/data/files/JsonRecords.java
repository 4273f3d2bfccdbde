package io.lorikeet.train.data.files;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// Reads JSON: a record on each line; or records that may take several lines, one after another or
/// as the elements of arrays. A mistake in a line costs that line, one in a value of several lines
/// the rest of the file.
final class JsonRecords {
  private static final int SEEN_FOR_KIND = 1 << 16; // bytes
  private static final int SHOWN = 40; // characters of what isn't JSON

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
    ByteLines lines = new ByteLines(new ByteArrayInputStream(stream.peek(SEEN_FOR_KIND)));
    String first = filled(lines);
    boolean whole = lines.bytes() < SEEN_FOR_KIND;
    String second = filled(lines);
    if (isNoJson(first) && isNoJson(second)) {
      sink.badFile(
          1,
          "this isn't JSON: %s; name tables .csv or .tsv and texts .txt or .md"
              .formatted(first.length() > SHOWN ? first.substring(0, SHOWN) + "…" : first));
    } else if (isLines(first, whole, second)) {
      readLines();
    } else {
      readValues();
    }
  }

  /// Whether a line is there and can't begin an example, nor go on with one.
  private static boolean isNoJson(String line) {
    return !line.isEmpty() && "{}[]\",".indexOf(line.charAt(0)) < 0;
  }

  /// Whether the first line is a record by itself, or is meant to be one. If its value goes on in
  /// the next line, it isn't; if it breaks off and another record begins there, it is.
  ///
  /// @param whole whether the first line was seen to its end
  private static boolean isLines(String first, boolean whole, String second) {
    if (first.startsWith("[")) {
      return false;
    }
    return first.isEmpty()
        || !whole
        || !breaksOff(first)
        || second.isEmpty()
        || second.startsWith("{") && !breaksOff(first + "\n" + second);
  }

  /// The next line that isn't blank; empty where there is none.
  private static String filled(ByteLines lines) throws IOException {
    for (byte[] line = lines.next(); line != null; line = lines.next()) {
      String text = new String(line, StandardCharsets.UTF_8).replace("\uFEFF", "");
      if (!text.isBlank()) {
        return text.strip();
      }
    }
    return "";
  }

  private static boolean breaksOff(String text) {
    try {
      JsonText.read(text);
      return false;
    } catch (JsonText.MalformedException e) {
      return e.breaksOff();
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
      } else {
        readLine(line, number);
      }
      progress.run();
    }
  }

  private void readLine(byte[] line, int number) {
    Optional<String> text = JsonText.decode(line);
    if (text.isEmpty()) {
      sink.badLine(number, "isn't text in UTF-8");
    } else if (text.get().indexOf('\0') >= 0) {
      sink.badLine(number, "a NUL byte; expected text in UTF-8");
    } else if (!text.get().isBlank()) {
      try {
        sink.record(JsonText.read(text.get()), number);
      } catch (JsonText.MalformedException e) {
        sink.badLine(number, "expected a JSON object on one line; " + e.getMessage());
      }
    }
  }

  private void readValues() throws IOException {
    try (Reader text =
            new InputStreamReader(new CheckedText(stream.input()), StandardCharsets.UTF_8);
        JsonParser parser = JsonText.parser(text)) {
      try {
        for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
          if (token != JsonToken.START_ARRAY) {
            readValue(parser);
            continue;
          }
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            readValue(parser);
          }
        }
      } catch (JsonProcessingException e) {
        sink.badFile(
            JsonText.location(e, parser).getLineNr(),
            "the JSON can't be read on from here, " + JsonText.explain(e, parser));
      }
    }
  }

  private void readValue(JsonParser parser) throws IOException {
    int line = parser.currentTokenLocation().getLineNr();
    sink.record(JsonText.value(parser), line);
    progress.run();
  }
}
