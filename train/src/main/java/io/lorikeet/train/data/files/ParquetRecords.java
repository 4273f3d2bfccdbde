package io.lorikeet.train.data.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hardwood.HardwoodContext;
import dev.hardwood.InputFile;
import dev.hardwood.metadata.RowGroup;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.StructAccessor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.DoubleConsumer;

/// Reads Parquet, of which rows take the place of lines. Fields that are null are left out: a
/// column has every field in every row, so that a missing one can't be told from null.
final class ParquetRecords {
  private final RecordSink sink;
  private final DoubleConsumer progress;

  /// @param progress given the share of the rows that is read, row by row
  ParquetRecords(RecordSink sink, DoubleConsumer progress) {
    this.sink = sink;
    this.progress = progress;
  }

  void read(Path file) throws IOException {
    int row = 0;
    List<RowGroup> groups = List.of();
    try (HardwoodContext context = HardwoodContext.create(1);
        ParquetFileReader reader = ParquetFileReader.open(InputFile.of(file), context)) {
      groups = reader.getFileMetaData().rowGroups();
      long total = reader.getFileMetaData().numRows();
      try (RowReader rows = reader.rowReader()) {
        while (rows.hasNext()) {
          rows.next();
          row++;
          sink.record(object(rows), row);
          progress.accept((double) row / total);
        }
      }
    } catch (IOException | RuntimeException e) {
      // hardwood tells of damage by exceptions of many types.
      sink.badFile(
          row,
          groups.isEmpty()
              ? "isn't a Parquet file that can be read: " + reason(e)
              : "row group %d of %d can't be read on from here: %s"
                  .formatted(groupOf(row, groups), groups.size(), reason(e)));
    }
  }

  /// Number of the row group, from 1, that holds the row after those.
  private static int groupOf(int rows, List<RowGroup> groups) {
    long before = 0;
    for (int i = 0; i < groups.size(); i++) {
      before += groups.get(i).numRows();
      if (rows < before) {
        return i + 1;
      }
    }
    return groups.size();
  }

  private static String reason(Exception e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return message.lines().findFirst().orElse("");
  }

  private static ObjectNode object(StructAccessor struct) {
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < struct.getFieldCount(); i++) {
      if (!struct.isNull(i)) {
        object.set(struct.getFieldName(i), node(struct.getValue(i)));
      }
    }
    return object;
  }

  private static JsonNode node(Object value) {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    return switch (value) {
      case null -> nodes.nullNode();
      case String text -> nodes.textNode(text);
      case Boolean truth -> nodes.booleanNode(truth);
      case Integer number -> nodes.numberNode(number);
      case Long number -> nodes.numberNode(number);
      case Float number -> nodes.numberNode(number);
      case Double number -> nodes.numberNode(number);
      case StructAccessor struct -> object(struct);
      case PqList list -> {
        ArrayNode array = nodes.arrayNode(list.size());
        for (Object element : list.values()) {
          array.add(node(element));
        }
        yield array;
      }
      case PqMap map -> {
        ObjectNode object = nodes.objectNode();
        for (PqMap.Entry entry : map.getEntries()) {
          object.set(String.valueOf(entry.getKey()), node(entry.getValue()));
        }
        yield object;
      }
      // Bytes that the file doesn't say to be text: older writers leave that out.
      case byte[] bytes -> text(bytes);
      default -> nodes.textNode(value.toString());
    };
  }

  private static JsonNode text(byte[] bytes) {
    try {
      return JsonNodeFactory.instance.textNode(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException _) {
      return JsonNodeFactory.instance.binaryNode(bytes);
    }
  }
}
