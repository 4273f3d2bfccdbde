package io.lorikeet.quant;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.ActivationSums;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// How much each column of a model's matrices matters, measured on a text: the mean square of what
/// it is multiplied with. In the file format of llama.cpp's `llama-imatrix` (GGUF with sums under
/// `….in_sum2` and the numbers of tokens under `….counts`).
///
/// @param entries by the matrices' names
/// @param chunks pieces of the text it was measured on
/// @param chunkSize tokens of a piece
/// @param datasets the names of the texts
public record ImportanceMatrix(
    Map<String, ColumnSums> entries, int chunks, int chunkSize, List<String> datasets) {
  private static final String SUMS = ".in_sum2";
  private static final String COUNTS = ".counts";

  /// One matrix, or all experts of a layer.
  ///
  /// @param sums sums of squares: as many numbers as a row has elements, for each expert
  /// @param counts the number of tokens of each expert
  public record ColumnSums(float[] sums, float[] counts) {}

  public ImportanceMatrix {
    entries = Map.copyOf(entries);
    datasets = List.copyOf(datasets);
  }

  /// A matrix of summed squares.
  static ImportanceMatrix of(
      Map<String, ActivationSums.Sums> sums, int chunks, int chunkSize, String dataset) {
    Map<String, ColumnSums> entries = new HashMap<>();
    sums.forEach(
        (name, of) -> {
          float[] counts = new float[of.counts().length];
          for (int i = 0; i < counts.length; i++) {
            counts[i] = of.counts()[i];
          }
          entries.put(name, new ColumnSums(of.squares(), counts));
        });
    return new ImportanceMatrix(entries, chunks, chunkSize, List.of(dataset));
  }

  /// Reads a file.
  ///
  /// @throws InvalidInputException when it isn't a valid importance matrix
  /// @throws IOException when it can't be read
  public static ImportanceMatrix read(Path path) throws IOException {
    try (GgufFile file = GgufFile.open(path)) {
      String type = file.metadata().string("general.type").orElse("missing");
      if (!type.equals("imatrix")) {
        throw new InvalidInputException(
            "%s is no importance matrix: its general.type is %s. Make one with 'lorikeet imatrix' or llama-imatrix"
                .formatted(path, type));
      }
      Map<String, ColumnSums> entries = new TreeMap<>();
      List<String> problems = new ArrayList<>();
      for (GgufTensor tensor : file.tensors()) {
        if (tensor.name().endsWith(SUMS)) {
          String name = tensor.name().substring(0, tensor.name().length() - SUMS.length());
          read(file, tensor, name, entries, problems);
        }
      }
      if (!problems.isEmpty() || entries.isEmpty()) {
        problems.addAll(entries.isEmpty() ? List.of("there are no sums") : List.of());
        throw InvalidInputException.of(path + " isn't a valid importance matrix", problems);
      }
      return new ImportanceMatrix(
          entries,
          (int) file.metadata().requireInteger("imatrix.chunk_count"),
          (int) file.metadata().requireInteger("imatrix.chunk_size"),
          file.metadata().strings("imatrix.datasets").orElse(List.of()));
    }
  }

  private static void read(
      GgufFile file,
      GgufTensor sums,
      String name,
      Map<String, ColumnSums> entries,
      List<String> problems) {
    GgufTensor counts = file.tensor(name + COUNTS).orElse(null);
    if (counts == null
        || sums.type() != TensorType.F32
        || counts.type() != TensorType.F32
        || sums.elements() != sums.shape().getFirst() * counts.elements()) {
      problems.add("'" + name + "' has no counts that fit its sums " + sums.shape());
      return;
    }
    ColumnSums entry = new ColumnSums(floats(file, sums), floats(file, counts));
    for (float[] numbers : List.of(entry.sums, entry.counts)) {
      for (float number : numbers) {
        if (!Float.isFinite(number) || number < 0) {
          problems.add("'" + name + "' has the number " + number);
          return;
        }
      }
    }
    entries.put(name, entry);
  }

  private static float[] floats(GgufFile file, GgufTensor tensor) {
    return file.data(tensor).toArray(LittleEndian.FLOAT);
  }

  /// Writes a file; see [GgufWriter#write].
  public void write(Path path) throws IOException {
    GgufWriter writer = new GgufWriter();
    writer.putString("general.type", "imatrix");
    writer.putStrings("imatrix.datasets", datasets);
    writer.putUint32("imatrix.chunk_count", chunks);
    writer.putUint32("imatrix.chunk_size", chunkSize);
    new TreeMap<>(entries)
        .forEach(
            (name, entry) -> {
              long matrices = entry.counts.length;
              long width = entry.sums.length / matrices;
              writer.addTensor(name + SUMS, new long[] {width, matrices}, entry.sums);
              writer.addTensor(name + COUNTS, new long[] {1, matrices}, entry.counts);
            });
    writer.write(path);
  }

  /// Means instead of sums, as libllama's quantizer wants them. For experts that no token came to
  /// all columns matter alike.
  public Map<String, float[]> weights() {
    Map<String, float[]> weights = new HashMap<>();
    entries.forEach(
        (name, entry) -> {
          float[] means = entry.sums.clone();
          int width = means.length / entry.counts.length;
          for (int i = 0; i < means.length; i++) {
            float count = entry.counts[i / width];
            means[i] = count > 0 ? means[i] / count : 1;
          }
          weights.put(name, means);
        });
    return weights;
  }

  /// Compares with the model that is to be quantized.
  ///
  /// @throws InvalidInputException when it was measured on a model of another shape
  public void check(GgufFile model) {
    List<String> problems = new ArrayList<>();
    int found = 0;
    for (GgufTensor tensor : model.tensors()) {
      ColumnSums entry = entries.get(tensor.name());
      if (entry == null) {
        continue;
      }
      found++;
      long matrices = tensor.shape().size() > 2 ? tensor.shape().get(2) : 1;
      if (entry.sums.length != tensor.shape().getFirst() * matrices) {
        problems.add(
            "'%s' %s has %s columns in it"
                .formatted(tensor.name(), tensor.shape(), entry.sums.length));
      }
    }
    if (found == 0) {
      problems.add("it has none of the model's tensors");
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(
          "the importance matrix was measured on another model than " + model.path(), problems);
    }
  }
}
