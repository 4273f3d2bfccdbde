package io.lorikeet.train.data.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.csv.CsvFactory;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Reads CSV (RFC 4180) and TSV: the first row names the columns, each further one is a record of
/// texts. In a file with the ending `csv` a header with semicolons and no commas tells that these
/// divide it.
final class TableRecords {
  private static final int SEEN_FOR_SEPARATOR = 1 << 12;
  private static final CsvMapper MAPPER =
      CsvMapper.builder(
              CsvFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxStringLength(ByteLines.LONGEST).build())
                  .build())
          .enable(CsvParser.Feature.WRAP_AS_ARRAY)
          .enable(CsvParser.Feature.SKIP_EMPTY_LINES)
          .build();

  private final DataStream stream;
  private final boolean tabs;
  private final RecordSink sink;
  private final Runnable progress;

  /// @param tabs whether tabs divide the columns
  TableRecords(DataStream stream, boolean tabs, RecordSink sink, Runnable progress) {
    this.stream = stream;
    this.tabs = tabs;
    this.sink = sink;
    this.progress = progress;
  }

  void read() throws IOException {
    CsvSchema schema = CsvSchema.emptySchema().withColumnSeparator(separator());
    // Jackson turns trouble of the stream into its own exceptions only where it is about the text.
    try (CheckedText text = new CheckedText(stream.input());
        MappingIterator<String[]> rows =
            MAPPER.readerFor(String[].class).with(schema).readValues(text)) {
      if (rows.hasNextValue()) {
        List<String> names = Arrays.stream(rows.nextValue()).map(String::strip).toList();
        Set<String> different = new LinkedHashSet<>(names);
        if (different.size() < names.size()) {
          sink.badFile(1, "two columns have the same name: " + String.join(", ", names));
          return;
        }
        readRows(rows, names);
      }
    } catch (CheckedText.NotTextException e) {
      sink.badFile(e.line(), e.getMessage());
    } catch (JsonProcessingException e) {
      sink.badFile(
          e.getLocation() == null ? 0 : e.getLocation().getLineNr(),
          "the table can't be read on from here: "
              + e.getOriginalMessage().lines().findFirst().orElse(""));
    }
  }

  private void readRows(MappingIterator<String[]> rows, List<String> names) throws IOException {
    while (rows.hasNextValue()) {
      int line = rows.getParser().currentLocation().getLineNr();
      String[] cells = rows.nextValue();
      if (cells.length == names.size()) {
        ObjectNode record = JsonNodeFactory.instance.objectNode();
        for (int i = 0; i < cells.length; i++) {
          record.put(names.get(i), cells[i]);
        }
        sink.record(record, line);
      } else {
        sink.badLine(
            line,
            "expected %d columns (%s), found %d"
                .formatted(names.size(), String.join(", ", names), cells.length));
      }
      progress.run();
    }
  }

  private char separator() throws IOException {
    if (tabs) {
      return '\t';
    }
    boolean semicolon = false;
    for (byte next : stream.peek(SEEN_FOR_SEPARATOR)) {
      if (next == ',' || next == '\n') {
        return semicolon && next == '\n' ? ';' : ',';
      }
      semicolon |= next == ';';
    }
    return semicolon ? ';' : ',';
  }
}
