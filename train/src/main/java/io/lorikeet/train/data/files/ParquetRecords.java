package io.lorikeet.train.data.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hardwood.HardwoodContext;
import dev.hardwood.InputFile;
import dev.hardwood.metadata.ColumnChunk;
import dev.hardwood.metadata.ColumnMetaData;
import dev.hardwood.metadata.CompressionCodec;
import dev.hardwood.metadata.FileMetaData;
import dev.hardwood.metadata.RowGroup;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.StructAccessor;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/// Reads Parquet, of which rows take the place of lines. Fields that are null are left out: a
/// column has every field in every row, so that a missing one can't be told from null.
final class ParquetRecords {
  /// Its notes on how it decodes are nothing for users. Held, since loggers that nobody holds are
  /// forgotten with their level.
  private static final Logger LIBRARY = Logger.getLogger("dev.hardwood");

  private static final Set<CompressionCodec> CODECS =
      EnumSet.of(
          CompressionCodec.UNCOMPRESSED,
          CompressionCodec.SNAPPY,
          CompressionCodec.GZIP,
          CompressionCodec.ZSTD);

  private static final int ROWS_AHEAD = 64;

  /// Seconds without a row after which reading is given up: at some kinds of damage hardwood
  /// neither goes on nor ends.
  private static final int PATIENCE = 60;

  private final RecordSink sink;
  private final DoubleConsumer progress;

  /// @param progress given the share of the rows that is read, row by row
  ParquetRecords(RecordSink sink, DoubleConsumer progress) {
    this.sink = sink;
    this.progress = progress;
  }

  /// Whether a file begins as Parquet does, whatever its name.
  static boolean isParquet(byte[] start) {
    byte[] magic = "PAR1".getBytes(StandardCharsets.US_ASCII);
    return start.length >= magic.length
        && Arrays.equals(start, 0, magic.length, magic, 0, magic.length);
  }

  /// A message of the reading thread: a row, a failure, or with neither the end.
  private record Delivery(
      @Nullable ObjectNode row, @Nullable FileMetaData file, @Nullable Exception failure) {}

  void read(Path file) throws IOException {
    LIBRARY.setLevel(Level.WARNING);
    BlockingQueue<Delivery> deliveries = new ArrayBlockingQueue<>(ROWS_AHEAD);
    Thread reader =
        Thread.ofPlatform().daemon().name("parquet").start(() -> readInto(file, deliveries));
    int row = 0;
    FileMetaData metadata = null;
    try {
      while (true) {
        Delivery delivery = deliveries.poll(PATIENCE, TimeUnit.SECONDS);
        if (delivery == null) {
          delivery = new Delivery(null, null, new IOException("it is damaged"));
        }
        metadata = delivery.file() == null ? metadata : delivery.file();
        if (delivery.failure() != null) {
          sink.badFile(row, explain(row, metadata));
        }
        if (delivery.row() == null || metadata == null) {
          return;
        }
        sink.record(delivery.row(), ++row);
        progress.accept((double) row / metadata.numRows());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while reading " + file);
    } finally {
      reader.interrupt();
    }
  }

  private static void readInto(Path file, BlockingQueue<Delivery> deliveries) {
    try {
      FileMetaData metadata = null;
      try (HardwoodContext context = HardwoodContext.create(1);
          ParquetFileReader reader = ParquetFileReader.open(InputFile.of(file), context)) {
        metadata = reader.getFileMetaData();
        try (RowReader rows = reader.rowReader()) {
          while (rows.hasNext()) {
            rows.next();
            deliveries.put(new Delivery(object(rows), metadata, null));
          }
        }
        deliveries.put(new Delivery(null, metadata, null));
      } catch (IOException | RuntimeException e) {
        // hardwood tells of damage by exceptions of many types.
        deliveries.put(new Delivery(null, metadata, e));
      }
    } catch (InterruptedException _) {
      // nobody waits for rows any more
    }
  }

  private static String explain(int row, @Nullable FileMetaData metadata) {
    List<RowGroup> groups = metadata == null ? List.of() : metadata.rowGroups();
    if (groups.isEmpty()) {
      return "isn't a Parquet file that can be read: it breaks off, is damaged or encrypted";
    }
    for (ColumnChunk column : groups.get(groupOf(row, groups) - 1).columns()) {
      ColumnMetaData data = column.metaData();
      if (!CODECS.contains(data.codec())) {
        return "the column '%s' is packed by %s; write the file again with Zstandard, Snappy or gzip"
            .formatted(data.pathInSchema(), data.codec());
      }
    }
    return "row group %s of %s can't be read on from here: it is damaged, or of a kind that isn't known"
        .formatted(groupOf(row, groups), groups.size());
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

  private static ObjectNode object(StructAccessor struct) {
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < struct.getFieldCount(); i++) {
      if (!struct.isNull(i)) {
        Object value = struct.getValue(i);
        object.set(
            struct.getFieldName(i), isDoubtful(value) ? text(struct.getBinary(i)) : node(value));
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
        for (int i = 0; i < list.size(); i++) {
          Object element = list.get(i);
          array.add(node(isDoubtful(element) ? list.getRaw(i) : element));
        }
        yield array;
      }
      case PqMap map -> {
        ObjectNode object = nodes.objectNode();
        for (PqMap.Entry entry : map.getEntries()) {
          Object content = entry.getValue();
          object.set(
              String.valueOf(entry.getKey()),
              node(isDoubtful(content) ? entry.getRawValue() : content));
        }
        yield object;
      }
      // Bytes that the file doesn't say to be text: older writers leave that out.
      case byte[] bytes -> text(bytes);
      default -> nodes.textNode(value.toString());
    };
  }

  /// Whether a text may have lost what isn't UTF-8 in the file.
  private static boolean isDoubtful(Object value) {
    return value instanceof String text && text.indexOf('\uFFFD') >= 0;
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
