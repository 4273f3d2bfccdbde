package io.lorikeet.train.data.files;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// Reads examples from files, one at a time: JSON Lines, a JSON array, CSV, TSV or Parquet of
/// objects in any layout of [ExampleFormat], or of strings; and `.txt` and `.md`, a single
/// document. All but Parquet can be packed as gzip or Zstandard. Text is UTF-8.
///
/// Everything wrong in all files is collected and thrown by [#finish], or counted and said where
/// bad lines are skipped.
public final class ExampleReader {
  private final Map<String, String> columns;
  private final boolean skipBadLines;
  private final TrainingListener listener;
  private final LineProblems badLines = new LineProblems();
  private final LineProblems badFiles = new LineProblems();

  /// @param columns keys of the files by the keys that they stand for: `completion`, `answer` for
  ///     files that have an `answer` where layouts have a `completion`
  /// @param skipBadLines leave out lines that aren't examples, and say so
  /// @param listener told of recognized layouts, skipped examples, and progress
  public ExampleReader(
      Map<String, String> columns, boolean skipBadLines, TrainingListener listener) {
    this.columns = Map.copyOf(columns);
    this.skipBadLines = skipBadLines;
    this.listener = listener;
  }

  /// A reader of files with the keys that layouts have.
  public ExampleReader(boolean skipBadLines, TrainingListener listener) {
    this(Map.of(), skipBadLines, listener);
  }

  /// Reads a file and recognizes its layouts, see [#read(DataFile, Optional, Consumer)].
  public void read(Path file, Consumer<Example> examples) throws IOException {
    read(DataFile.of(file), Optional.empty(), examples);
  }

  /// Reads a file's examples in their order. After a problem that [#finish] will throw, the rest is
  /// only checked; but for examples that may yet be refused ([#refuse]), since these are counted.
  ///
  /// @param format the layout of all its records; empty to recognize each
  public void read(DataFile file, Optional<ExampleFormat> format, Consumer<Example> examples)
      throws IOException {
    FileExamples found =
        new FileExamples(
            file.name(),
            columns,
            format,
            badLines,
            badFiles,
            example -> {
              if (isGood() || mayBeRefused(example.content())) {
                examples.accept(example);
              }
            });
    int badBefore = badLines.count() + badFiles.count();
    try (DataFile.FileContent content = file.open()) {
      readKind(file, content, found);
      boolean allGood = badLines.count() + badFiles.count() == badBefore;
      if (found.count() == 0 && allGood) {
        found.badFile(0, content.size() == 0 ? "the file is empty" : "the file holds no examples");
      } else if (found.count() > 0) {
        listener.on(new TrainingEvent.Note(found.summary()));
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static boolean mayBeRefused(Example.Content content) {
    return switch (content) {
      case Example.Chat _, Example.Preference _, Example.Retrieval _ -> true;
      case Example.PlainText _, Example.Document _, Example.Completion _ -> false;
    };
  }

  private void readKind(DataFile file, DataFile.FileContent content, FileExamples found)
      throws IOException {
    Optional<FileKind> kind = FileKind.of(file.path());
    if (kind.isEmpty()) {
      found.badFile(
          0,
          "."
              + FileKind.ending(file.path())
              + " files can't be read; give .jsonl, .json, .csv, .tsv, .parquet, .txt or .md");
      return;
    }
    ReadingProgress progress = new ReadingProgress(found.file(), content.size(), listener);
    try (DataStream stream = DataStream.open(content)) {
      byte[] start = stream.peek(OtherFiles.SEEN);
      Optional<String> other = OtherFiles.recognize(start);
      if (other.isPresent()) {
        found.badFile(0, other.get());
      } else if (ParquetRecords.isParquet(start) || kind.get() == FileKind.PARQUET) {
        readParquet(content, stream, found, progress);
      } else {
        readText(file, kind.get(), stream, found, () -> progress.at(stream.bytesRead()));
      }
    } catch (DataStream.UnreadableException e) {
      found.badFile(0, String.valueOf(e.getMessage()));
    } catch (CheckedText.NotTextException e) {
      found.badFile(e.line(), String.valueOf(e.getMessage()));
    }
  }

  private static void readParquet(
      DataFile.FileContent content, DataStream stream, FileExamples found, ReadingProgress progress)
      throws IOException {
    if (stream.isPacked()) {
      found.badFile(0, "is a packed Parquet file; unpack it first");
      return;
    }
    try (DataFile.FileContent table = content.forAnyOrder()) {
      new ParquetRecords(found, progress::part).read(table.path());
    }
  }

  private static void readText(
      DataFile file, FileKind kind, DataStream stream, FileExamples found, Runnable read)
      throws IOException {
    switch (kind) {
      case JSON -> new JsonRecords(stream, found, read).read();
      case TABLE -> {
        boolean tabs = FileKind.ending(file.path()).equals("tsv");
        new TableRecords(stream, tabs, found, read).read();
      }
      case TEXT -> new TextBlocks(stream, read).read(found::block);
      case PARQUET -> throw new AssertionError("read otherwise");
    }
  }

  /// Counts an example that turned out to be none when it was put to use.
  public void refuse(SourceLine place, String why) {
    badLines.add(place, why);
  }

  /// Whether nothing was found so far that [#finish] will throw.
  public boolean isGood() {
    return badFiles.count() == 0 && (skipBadLines || badLines.count() == 0);
  }

  /// Ends the reading of all files.
  ///
  /// @throws InvalidInputException with their problems, unless these are only bad lines that are
  ///     skipped
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
}
