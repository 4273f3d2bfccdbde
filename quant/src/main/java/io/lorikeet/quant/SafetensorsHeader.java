package io.lorikeet.quant;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The checked head of one safetensors file: a uint64 with the length of the JSON after it, which
/// tells each tensor's type, shape and place in the rest of the file. Any bytes give a valid head
/// or an [InvalidInputException].
///
/// The rules are those of the safetensors library (`tensor.rs`): the data have no gaps or overlaps,
/// and as many bytes as type and shape say. Nothing follows the last tensor.
///
/// @param metadata the strings under `__metadata__`
/// @param tensors in the order of their data
record SafetensorsHeader(Map<String, String> metadata, List<SafetensorsTensor> tensors) {
  /// As in the safetensors library.
  private static final long MOST_BYTES = 100_000_000;

  private static final int MOST_TENSORS = 1 << 20;
  private static final int MOST_DIMENSIONS = 64;

  /// Reads and checks a head.
  ///
  /// @param file its name, for messages
  static SafetensorsHeader read(MemorySegment bytes, String file) {
    return new Reader(bytes, file).read();
  }

  private static final class Reader {
    private static final JsonFactory JSON =
        JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private final MemorySegment bytes;
    private final String file;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final List<SafetensorsTensor> tensors = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();
    private long dataStart;
    private long dataBytes;

    Reader(MemorySegment bytes, String file) {
      this.bytes = bytes;
      this.file = file;
    }

    SafetensorsHeader read() {
      String text = text();
      try (JsonParser json = JSON.createParser(text)) {
        readAll(json);
      } catch (JsonProcessingException e) {
        throw invalid("its head isn't valid JSON: " + e.getOriginalMessage());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      tensors.sort(
          Comparator.comparingLong(SafetensorsTensor::offset)
              .thenComparingLong(SafetensorsTensor::bytes));
      checkLayout();
      if (!problems.isEmpty()) {
        throw InvalidInputException.of(
            file + ": invalid tensors; download or convert the model again", problems);
      }
      return new SafetensorsHeader(metadata, List.copyOf(tensors));
    }

    /// The JSON as text, with the lengths checked.
    private String text() {
      if (bytes.byteSize() < Long.BYTES) {
        throw invalid("the file ends after " + bytes.byteSize() + " bytes");
      }
      long length = bytes.get(LittleEndian.LONG, 0);
      if (length < 0 || length > MOST_BYTES || start() != '{') {
        throw new InvalidInputException(
            file
                + ": this isn't a safetensors file: it doesn't begin with the length of a head in"
                + " JSON. Give a .safetensors file"
                + (startsWithPointer() ? "; this is a Git LFS pointer: run 'git lfs pull'" : ""));
      }
      if (length > bytes.byteSize() - Long.BYTES) {
        throw invalid(
            "its head should have %s bytes, but the file ends after %s"
                .formatted(length, bytes.byteSize()));
      }
      dataStart = Long.BYTES + length;
      dataBytes = bytes.byteSize() - dataStart;
      byte[] head = bytes.asSlice(Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE);
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(head)).toString();
      } catch (CharacterCodingException e) {
        throw invalid("its head isn't UTF-8");
      }
    }

    private int start() {
      return bytes.byteSize() > Long.BYTES ? bytes.get(ValueLayout.JAVA_BYTE, Long.BYTES) : -1;
    }

    private boolean startsWithPointer() {
      byte[] start =
          bytes.asSlice(0, Math.min(20, bytes.byteSize())).toArray(ValueLayout.JAVA_BYTE);
      return new String(start, StandardCharsets.ISO_8859_1).startsWith("version https://git");
    }

    private void readAll(JsonParser json) throws IOException {
      json.nextToken(); // the brace that was seen already
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        if (name.equals("__metadata__")) {
          readMetadata(json);
        } else {
          readTensor(name, json);
        }
        if (tensors.size() > MOST_TENSORS) {
          throw invalid("it claims more than " + MOST_TENSORS + " tensors");
        }
      }
      if (json.nextToken() != null) {
        throw invalid("its head goes on after the end of the JSON");
      }
    }

    private void readMetadata(JsonParser json) throws IOException {
      expect(json, JsonToken.START_OBJECT, "__metadata__ should be an object");
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String key = json.currentName();
        json.nextToken();
        expect(json, JsonToken.VALUE_STRING, "__metadata__ should hold strings only");
        metadata.put(key, json.getText());
      }
    }

    private void readTensor(String name, JsonParser json) throws IOException {
      String quoted = "'" + printable(name) + "'";
      expect(json, JsonToken.START_OBJECT, "the entry of " + quoted + " should be an object");
      String type = null;
      List<Long> shape = null;
      List<Long> offsets = null;
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String key = json.currentName();
        json.nextToken();
        switch (key) {
          case "dtype" -> {
            expect(json, JsonToken.VALUE_STRING, "the dtype of " + quoted + " should be a string");
            type = json.getText();
          }
          case "shape" -> shape = numbers(json, "the shape of " + quoted);
          case "data_offsets" -> offsets = numbers(json, "data_offsets of " + quoted);
          default -> json.skipChildren();
        }
      }
      if (type == null || shape == null || offsets == null || offsets.size() != 2) {
        throw invalid(
            "the entry of " + quoted + " should have a dtype, a shape and two data_offsets");
      }
      add(name, quoted, type, shape, offsets);
    }

    private List<Long> numbers(JsonParser json, String what) throws IOException {
      expect(json, JsonToken.START_ARRAY, what + " should be an array");
      List<Long> numbers = new ArrayList<>();
      while (json.nextToken() != JsonToken.END_ARRAY) {
        expect(json, JsonToken.VALUE_NUMBER_INT, what + " should hold whole numbers only");
        long number = json.getLongValue();
        if (number < 0) {
          throw invalid(what + " has a negative number, " + number);
        }
        if (numbers.size() == MOST_DIMENSIONS) {
          throw invalid(what + " has more than " + MOST_DIMENSIONS + " numbers");
        }
        numbers.add(number);
      }
      return numbers;
    }

    private void expect(JsonParser json, JsonToken token, String problem) {
      if (json.currentToken() != token) {
        throw invalid(problem);
      }
    }

    private void add(
        String name, String quoted, String typeName, List<Long> shape, List<Long> offsets) {
      Optional<SafetensorsType> type = SafetensorsType.byName(typeName);
      if (type.isEmpty()) {
        problems.add(quoted + ": its dtype '" + printable(typeName) + "' isn't known");
        return;
      }
      long start = offsets.getFirst();
      long end = offsets.getLast();
      if (start > end || end > dataBytes) {
        problems.add(
            end > dataBytes
                ? "%s: its data_offsets %s lie beyond the %s bytes of data; is the file cut short?"
                    .formatted(quoted, offsets, dataBytes)
                : quoted + ": its data_offsets " + offsets + " end before they begin");
        return;
      }
      long bytes;
      try {
        long bits = type.get().bits();
        for (long dimension : shape) {
          bits = Math.multiplyExact(bits, dimension);
        }
        bytes = bits % 8 == 0 ? bits / 8 : -1;
      } catch (ArithmeticException e) {
        bytes = -1;
      }
      if (bytes != end - start) {
        problems.add(
            "%s: a tensor %s of %s has another size than the %s bytes of its data_offsets %s"
                .formatted(quoted, shape, type.get(), end - start, offsets));
        return;
      }
      tensors.add(new SafetensorsTensor(name, type.get(), shape, dataStart + start, bytes, 0));
    }

    /// Without gaps, overlaps or bytes that belong to no tensor.
    private void checkLayout() {
      if (!problems.isEmpty()) {
        return;
      }
      long expected = dataStart;
      for (SafetensorsTensor tensor : tensors) {
        if (tensor.offset() != expected) {
          problems.add(
              "'%s': its data begins at byte %s, %s the data before it, which ends at %s"
                  .formatted(
                      printable(tensor.name()),
                      tensor.offset(),
                      tensor.offset() < expected ? "within" : "with a gap to",
                      expected));
        }
        expected = tensor.offset() + tensor.bytes();
      }
      if (problems.isEmpty() && expected != bytes.byteSize()) {
        problems.add(
            "the data of all tensors ends at byte %s, but the file at %s"
                .formatted(expected, bytes.byteSize()));
      }
    }

    private static String printable(String name) {
      return GgufRules.printable(name.getBytes(StandardCharsets.UTF_8));
    }

    private InvalidInputException invalid(String problem) {
      return new InvalidInputException(file + ": " + problem + ". Download or convert it again");
    }
  }
}
