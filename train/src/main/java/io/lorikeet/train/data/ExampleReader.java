package io.lorikeet.train.data;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.TrainingEvent;
import io.lorikeet.train.TrainingListener;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;

/// Reads examples from files, one at a time: JSON Lines or a JSON array, of objects in any layout
/// of [ExampleFormat] or of strings; and `.txt`, a single document. JSON files may have any ending;
/// what they hold is seen from their first character. Text is UTF-8.
///
/// Everything wrong in all files is collected and thrown by [#finish], or counted and said where
/// bad lines are skipped.
public final class ExampleReader {
  /// Largest text file; it is tokenized in one piece.
  private static final long LARGEST_TEXT = 256L << 20;

  /// Endings of files that people will try, and that would be thousands of bad lines.
  private static final Set<String> OTHER_ENDINGS =
      Set.of("csv", "tsv", "parquet", "arrow", "xlsx", "md", "gz", "zst", "zip", "gguf");

  private final boolean skipBadLines;
  private final TrainingListener listener;
  private final LineProblems badLines = new LineProblems();
  private final LineProblems badFiles = new LineProblems();
  private final ObjectMapper mapper =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
  private final ObjectReader oneLine =
      mapper.readerFor(JsonNode.class).with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /// @param skipBadLines leave out lines that aren't examples, and say so
  /// @param listener is told what was recognized and skipped
  public ExampleReader(boolean skipBadLines, TrainingListener listener) {
    this.skipBadLines = skipBadLines;
    this.listener = listener;
  }

  /// Reads a file's examples in their order. After a problem that [#finish] will throw, the rest is
  /// only checked.
  public void read(Path file, Consumer<Example> examples) throws IOException {
    FileExamples found =
        new FileExamples(
            file.toString(),
            badLines,
            example -> {
              if (badFiles.count() == 0 && (skipBadLines || badLines.count() == 0)) {
                examples.accept(example);
              }
            });
    int badBefore = badLines.count() + badFiles.count();
    String ending = ending(file);
    if (ending.equals("txt")) {
      readText(file, found);
    } else if (OTHER_ENDINGS.contains(ending)) {
      badFiles.add(found.file(), "." + ending + " files can't be read; give .jsonl, .json or .txt");
    } else {
      readJson(file, found);
    }
    boolean allGood = badLines.count() + badFiles.count() == badBefore;
    if (found.count() == 0 && allGood) {
      badFiles.add(
          file.toString(),
          Files.size(file) == 0 ? "the file is empty" : "the file holds no examples");
    } else if (found.count() > 0) {
      listener.on(new TrainingEvent.Note(found.summary()));
    }
  }

  /// Ends the reading of all files.
  ///
  /// @throws InvalidInputException with what was wrong in them, unless only bad lines were and they
  ///     are skipped
  public void finish() {
    if (badFiles.count() > 0) {
      throw new InvalidInputException(
          badLines.count() == 0 ? "" + badFiles : badFiles + "\n" + badLines);
    }
    if (badLines.count() == 0) {
      return;
    }
    String counted =
        badLines.count() == 1
            ? "1 bad line"
            : String.format(Locale.ROOT, "%,d bad lines", badLines.count());
    if (!skipBadLines) {
      throw new InvalidInputException(
          badLines
              + "\n"
              + counted
              + " in the data: correct them, or leave them out with --skip-bad-lines");
    }
    listener.on(new TrainingEvent.Warning(counted + " of data skipped:\n" + badLines));
  }

  private void readJson(Path file, FileExamples found) throws IOException {
    try (InputStream input = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      String trouble = notText(input);
      if (!trouble.isEmpty()) {
        badFiles.add(file.toString(), trouble);
      } else if (firstCharacter(input) == '[') {
        readArray(input, found, new ReadingProgress(file));
      } else {
        readLines(input, found, new ReadingProgress(file));
      }
    }
  }

  private void readLines(InputStream input, FileExamples found, ReadingProgress progress)
      throws IOException {
    ByteLines lines = new ByteLines(input);
    for (byte[] line = lines.next(); line != null; line = lines.next()) {
      int number = lines.number();
      if (lines.tooLong()) {
        found.bad(
            number,
            "the line is longer than "
                + (ByteLines.LONGEST >> 20)
                + " MiB; expected one example per line");
      } else if (indexOf(line, (byte) 0) >= 0) {
        found.bad(number, "a NUL byte; expected text in UTF-8");
      } else if (!isBlank(line)) {
        readLine(line, number, found);
      }
      progress.at(lines.bytes());
    }
  }

  private void readLine(byte[] line, int number, FileExamples found) throws IOException {
    try {
      found.add(oneLine.readTree(line), number);
    } catch (JsonProcessingException e) {
      found.bad(
          number, "expected a JSON object on one line; at column " + column(e) + ": " + message(e));
    }
  }

  private void readArray(InputStream input, FileExamples found, ReadingProgress progress)
      throws IOException {
    try (JsonParser parser = mapper.createParser(input)) {
      parser.nextToken();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        int line = parser.currentTokenLocation().getLineNr();
        found.add(mapper.readTree(parser), line);
        progress.at(parser.currentLocation().getByteOffset());
      }
      if (parser.nextToken() != null) {
        int line = parser.currentTokenLocation().getLineNr();
        badFiles.add(found.file() + ":" + line, "something follows the end of the JSON array");
      }
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      badFiles.add(
          found.file() + (at == null ? "" : ":" + at.getLineNr()),
          "the JSON array can't be read on from here, column " + column(e) + ": " + message(e));
    }
  }

  private void readText(Path file, FileExamples found) throws IOException {
    if (Files.size(file) > LARGEST_TEXT) {
      badFiles.add(
          file.toString(),
          "is larger than " + (LARGEST_TEXT >> 20) + " MiB; split it into several files");
      return;
    }
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer source = ByteBuffer.wrap(bytes);
    CharBuffer text = CharBuffer.allocate(bytes.length);
    CoderResult result = StandardCharsets.UTF_8.newDecoder().decode(source, text, true);
    int nul = indexOf(bytes, (byte) 0);
    if (nul >= 0 || result.isError()) {
      int at = nul >= 0 ? nul : source.position();
      badFiles.add(
          file + ":" + lineOf(bytes, at),
          nul >= 0 ? "a NUL byte; expected text in UTF-8" : "isn't text in UTF-8");
      return;
    }
    String document = text.flip().toString();
    found.addDocument(document.startsWith("\uFEFF") ? document.substring(1) : document);
  }

  /// Tells of large files how far they have been read, percent by percent.
  private final class ReadingProgress {
    private static final long LARGE = 4 << 20;
    private final String task;
    private final long total;
    private long nextAt;

    ReadingProgress(Path file) throws IOException {
      task = "reading " + file.getFileName();
      total = Files.size(file);
      nextAt = total < LARGE ? Long.MAX_VALUE : total / 100;
    }

    void at(long bytes) {
      if (bytes >= nextAt) {
        listener.on(new TrainingEvent.Progress(task, bytes, total));
        nextAt = bytes == total ? Long.MAX_VALUE : Math.min(total, bytes + total / 100);
      }
    }
  }

  private static String ending(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.substring(name.lastIndexOf('.') + 1);
  }

  /// Why a file that should hold JSON can't, seen from its beginning; empty if nothing is wrong
  /// with that.
  private static String notText(InputStream input) throws IOException {
    byte[] start = peek(input, 4);
    int first = start.length > 0 ? start[0] & 0xFF : 0;
    int second = start.length > 1 ? start[1] & 0xFF : 0;
    if (first == 0xFE && second == 0xFF || first == 0xFF && second == 0xFE) {
      return "is text in UTF-16; save it as UTF-8";
    }
    if (first == 0x1F && second == 0x8B || first == 'P' && second == 'K') {
      return "is compressed; unpack it first";
    }
    return indexOf(start, (byte) 0) >= 0 ? "isn't text in UTF-8" : "";
  }

  /// The first character that is neither blank nor a byte order mark; 0 if there is none within the
  /// first 4096 bytes.
  private static int firstCharacter(InputStream input) throws IOException {
    for (byte next : peek(input, 4096)) {
      boolean mark = next == (byte) 0xEF || next == (byte) 0xBB || next == (byte) 0xBF;
      if (!mark && !isBlank(next)) {
        return next;
      }
    }
    return 0;
  }

  private static byte[] peek(InputStream input, int count) throws IOException {
    input.mark(count);
    byte[] bytes = input.readNBytes(count);
    input.reset();
    return bytes;
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

  private static int lineOf(byte[] bytes, int position) {
    int line = 1;
    for (int i = 0; i < position; i++) {
      line += bytes[i] == '\n' ? 1 : 0;
    }
    return line;
  }

  private static int column(JsonProcessingException e) {
    return e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
  }

  private static String message(JsonProcessingException e) {
    return e.getOriginalMessage().lines().findFirst().orElse("it isn't JSON");
  }
}
