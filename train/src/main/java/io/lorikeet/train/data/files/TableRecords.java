package io.lorikeet.train.data.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.csv.CsvFactory;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Reads CSV (RFC 4180) and TSV: the first row names the columns, each further one is a record of
/// texts. Columns without a name are passed over.
final class TableRecords {
  private static final int SEEN_FOR_SEPARATOR = 1 << 16;
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
    TableDialect dialect = TableDialect.of(stream.peek(SEEN_FOR_SEPARATOR), tabs);
    CsvSchema schema = CsvSchema.emptySchema().withColumnSeparator(dialect.separator());
    // Jackson turns trouble of the stream into its own exceptions only where it is about the text.
    try (CheckedText text = new CheckedText(stream.input());
        MappingIterator<String[]> rows =
            MAPPER.readerFor(String[].class).with(schema).readValues(text)) {
      if (dialect.declared()) {
        rows.nextValue();
      }
      if (rows.hasNextValue()) {
        List<String> names = Arrays.stream(rows.nextValue()).map(String::strip).toList();
        Set<String> repeated = repeated(names);
        if (repeated.isEmpty()) {
          readRows(rows, names);
        } else {
          sink.badFile(
              dialect.declared() ? 2 : 1,
              "several columns have the same name: " + String.join(", ", repeated));
        }
      }
    } catch (CheckedText.NotTextException e) {
      sink.badFile(e.line(), String.valueOf(e.getMessage()));
    } catch (JsonProcessingException e) {
      sink.badFile(
          e.getLocation() == null ? 0 : e.getLocation().getLineNr(),
          "the table can't be read on from here: "
              + (e instanceof StreamConstraintsException
                  ? "a cell of over 64 MiB"
                  : "a quote that isn't closed, or one that isn't followed by '"
                      + dialect.separator()
                      + "'"));
    }
  }

  /// Names of several columns that anything may be read from.
  private Set<String> repeated(List<String> names) {
    Set<String> seen = new HashSet<>();
    Set<String> repeated = new LinkedHashSet<>();
    for (String name : names) {
      if (!seen.add(name) && sink.uses(name)) {
        repeated.add(name);
      }
    }
    return repeated;
  }

  private void readRows(MappingIterator<String[]> rows, List<String> names) throws IOException {
    while (rows.hasNextValue()) {
      int line = rows.getParser().currentLocation().getLineNr();
      String[] cells = rows.nextValue();
      if (fits(cells, names)) {
        ObjectNode record = JsonNodeFactory.instance.objectNode();
        for (int i = 0; i < Math.min(cells.length, names.size()); i++) {
          if (!names.get(i).isEmpty()) {
            record.put(names.get(i), cells[i]);
          }
        }
        sink.row(record, line);
      } else {
        sink.badLine(
            line,
            "expected %s columns (%s), found %s"
                .formatted(names.size(), String.join(", ", names), cells.length));
      }
      progress.run();
    }
  }

  /// Whether there is a cell for each name, and nothing in any other cell.
  private static boolean fits(String[] cells, List<String> names) {
    for (int i = cells.length; i < names.size(); i++) {
      if (!names.get(i).isEmpty()) {
        return false;
      }
    }
    return Arrays.stream(cells).skip(names.size()).allMatch(String::isEmpty);
  }
}
