package io.lorikeet.cli;

import io.lorikeet.finetune.text.TableText;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.GgufType;
import io.lorikeet.quant.GgufValue;
import io.lorikeet.quant.SafetensorsFile;
import io.lorikeet.quant.SafetensorsTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.DoubleStream;

/// The contents of a GGUF or safetensors file, for people and for programs.
///
/// @param format such as `GGUF 3`
/// @param files the file or files
/// @param bytes size of all of them
/// @param metadata values as JSON has them, by key; long arrays shortened
/// @param tensors in the file's order
record FileSummary(
    String format,
    List<Path> files,
    long bytes,
    Map<String, Object> metadata,
    List<TensorSummary> tensors) {
  private static final int LONGEST_ARRAY = 16;
  private static final int SHOWN_ELEMENTS = 4;
  private static final int SHOWN_CHARACTERS = 80;

  /// @param shape in the file's order: of GGUF the row's length first, of safetensors last
  /// @param data its bytes, while the file is open
  record TensorSummary(
      String name,
      String type,
      List<Long> shape,
      long elements,
      long bytes,
      Supplier<MemorySegment> data) {

    /// SHA-256 of its data.
    String hash() {
      try {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        MemorySegment all = data.get();
        long piece = 1 << 20;
        for (long from = 0; from < all.byteSize(); from += piece) {
          digest.update(all.asSlice(from, Math.min(piece, all.byteSize() - from)).asByteBuffer());
        }
        return HexFormat.of().formatHex(digest.digest());
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException("every Java has SHA-256", e);
      }
    }
  }

  static FileSummary of(GgufFile file) throws IOException {
    List<TensorSummary> tensors = new ArrayList<>();
    for (GgufTensor tensor : file.tensors()) {
      tensors.add(
          new TensorSummary(
              tensor.name(),
              tensor.typeName(),
              tensor.shape(),
              tensor.elements(),
              tensor.bytes(),
              () -> file.data(tensor)));
    }
    Map<String, Object> metadata = new LinkedHashMap<>();
    GgufMetadata values = file.metadata();
    for (String key : values.keys()) {
      metadata.put(key, json(values.value(key).orElseThrow()));
    }
    return new FileSummary(
        "GGUF " + file.version(), file.paths(), size(file.paths()), metadata, tensors);
  }

  static FileSummary of(SafetensorsFile file) throws IOException {
    List<TensorSummary> tensors = new ArrayList<>();
    for (SafetensorsTensor tensor : file.tensors()) {
      tensors.add(
          new TensorSummary(
              tensor.name(),
              tensor.type().name(),
              tensor.shape(),
              tensor.elements(),
              tensor.bytes(),
              () -> file.data(tensor)));
    }
    return new FileSummary(
        "safetensors",
        file.paths(),
        size(file.paths()),
        new LinkedHashMap<>(file.metadata()),
        tensors);
  }

  private static long size(List<Path> files) throws IOException {
    long sum = 0;
    for (Path file : files) {
      sum += Files.size(file);
    }
    return sum;
  }

  private static Object json(GgufValue value) {
    return switch (value) {
      case GgufValue.Int number -> number.value();
      case GgufValue.Real(GgufType type, double number) ->
          type == GgufType.FLOAT32 ? (Object) (float) number : (Object) number;
      case GgufValue.Bool bool -> bool.value();
      case GgufValue.TextValue text -> text.value();
      case GgufValue.Array array -> json(array);
    };
  }

  private static Object json(GgufValue.Array array) {
    List<?> elements =
        switch (array.elementType()) {
          case STRING -> array.strings();
          case FLOAT32, FLOAT64 -> DoubleStream.of(array.doubles()).boxed().toList();
          case BOOL, ARRAY -> List.of();
          default -> Arrays.stream(array.longs()).boxed().toList();
        };
    if (elements.size() == array.count() && elements.size() <= LONGEST_ARRAY) {
      return elements;
    }
    Map<String, Object> shortened = new LinkedHashMap<>();
    shortened.put("type", array.elementType().name());
    shortened.put("count", array.count());
    shortened.put("first", elements.subList(0, Math.min(SHOWN_ELEMENTS, elements.size())));
    return shortened;
  }

  /// For JSON.
  ///
  /// @param hashes whether to hash every tensor
  Map<String, Object> json(boolean hashes) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("format", format);
    json.put("files", files.stream().map(Path::toString).toList());
    json.put("bytes", bytes);
    json.put("parameters", parameters());
    json.put("metadata", metadata);
    List<Map<String, Object>> all = new ArrayList<>();
    for (TensorSummary tensor : tensors) {
      Map<String, Object> each = new LinkedHashMap<>();
      each.put("name", tensor.name());
      each.put("type", tensor.type());
      each.put("shape", tensor.shape());
      each.put("bytes", tensor.bytes());
      if (hashes) {
        each.put("sha256", tensor.hash());
      }
      all.add(each);
    }
    json.put("tensors", all);
    return json;
  }

  private long parameters() {
    return tensors.stream().mapToLong(TensorSummary::elements).sum();
  }

  /// For people: layers' tensors that are alike share a line, unless each is hashed.
  List<String> lines(boolean hashes) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s, %s%s, %s tensors, %s numbers"
            .formatted(
                format,
                Words.bytes(bytes),
                files.size() == 1 ? "" : " in " + files.size() + " files",
                Words.count(tensors.size()),
                Words.count(parameters())));
    lines.add("metadata");
    metadata.forEach((key, value) -> lines.add("  " + key + " = " + shortened(value)));
    lines.add("tensors");
    lines.addAll(hashes ? eachTensor() : groupedTensors());
    return lines;
  }

  private static String shortened(Object value) {
    String text =
        value instanceof Map<?, ?> array
            ? "%s of %s, %s, …".formatted(array.get("count"), array.get("type"), array.get("first"))
            : String.valueOf(value);
    String line = text.replaceAll("\\R", "⏎");
    return line.length() > SHOWN_CHARACTERS ? line.substring(0, SHOWN_CHARACTERS) + "…" : line;
  }

  private List<String> eachTensor() {
    TableText table = new TableText("name", "type", "shape", "bytes", "SHA-256");
    for (TensorSummary tensor : tensors) {
      table.row(
          tensor.name(),
          tensor.type(),
          tensor.shape().toString(),
          Words.count(tensor.bytes()),
          tensor.hash());
    }
    return table.lines();
  }

  private record TensorKind(String name, String type, List<Long> shape) {}

  private List<String> groupedTensors() {
    Map<TensorKind, Long> counts = new LinkedHashMap<>();
    Map<TensorKind, Long> sizes = new LinkedHashMap<>();
    for (TensorSummary tensor : tensors) {
      TensorKind kind =
          new TensorKind(AdapterReport.withoutLayer(tensor.name()), tensor.type(), tensor.shape());
      counts.merge(kind, 1L, Long::sum);
      sizes.merge(kind, tensor.bytes(), Long::sum);
    }
    TableText table = new TableText("name", "count", "type", "shape", "bytes in all");
    counts.forEach(
        (kind, count) ->
            table.row(
                kind.name(),
                count.toString(),
                kind.type(),
                kind.shape().toString(),
                Words.count(sizes.getOrDefault(kind, 0L))));
    return table.lines();
  }
}
