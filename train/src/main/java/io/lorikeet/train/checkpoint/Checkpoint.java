package io.lorikeet.train.checkpoint;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterPairs;
import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraMatrix;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.ChecksummedGguf;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufMetadata;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// An open checkpoint. It is a whole one: its checksum was compared.
public final class Checkpoint implements AutoCloseable {
  /// Keys of a run's state begin like this.
  public static final String PREFIX = "lorikeet.checkpoint.";

  static final String TYPE = "general.type";
  static final String ARCHITECTURE = "general.architecture";
  static final String KIND = "checkpoint";
  static final String VERSION = PREFIX + "version";

  /// Raised whenever a checkpoint of before can't be gone on with exactly.
  static final int CURRENT_VERSION = 3;

  private final GgufFile file;

  private Checkpoint(GgufFile file) {
    this.file = file;
  }

  /// Opens a checkpoint.
  ///
  /// @throws InvalidInputException when it isn't one, or isn't as it was written
  /// @throws IOException when it can't be read, or is one of another version
  public static Checkpoint open(Path path) throws IOException {
    GgufFile file = ChecksummedGguf.open(path);
    try {
      GgufMetadata metadata = file.metadata();
      String type = metadata.string(TYPE).orElse("model");
      if (!type.equals(KIND)) {
        throw new InvalidInputException(path + " is a " + type + ", not a checkpoint");
      }
      long version = metadata.requireInteger(VERSION);
      if (version != CURRENT_VERSION) {
        throw new IOException( // it is whole: it must not be put aside
            "%s is a checkpoint of version %s, and this program reads version %s. Use the one it was made with"
                .formatted(path, version, CURRENT_VERSION));
      }
      return new Checkpoint(file);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  public Path path() {
    return file.path();
  }

  /// The state's keys, all of them beginning with [#PREFIX].
  public GgufMetadata metadata() {
    return file.metadata();
  }

  /// Puts the state back.
  ///
  /// @throws InvalidInputException when this is the state of other matrices
  public void restore(StateLayout layout) {
    List<StateLayout.Matrix> matrices = layout.matrices();
    List<String> problems = new ArrayList<>();
    for (StateLayout.Matrix matrix : matrices) {
      find(matrix.name(), matrix.shape(), problems);
    }
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(path() + " isn't a state of this run", problems);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(layout.vectorBytes(), Long.BYTES);
      for (int vector = 0; vector < layout.vectors().size(); vector++) {
        copy.fill((byte) 0);
        for (StateLayout.Matrix matrix : matrices) {
          if (matrix.vector() == vector) {
            MemorySegment data = file.data(file.tensor(matrix.name()).orElseThrow());
            MemorySegment.copy(data, 0, copy, matrix.offset() * Float.BYTES, matrix.bytes());
          }
        }
        layout.vectors().get(vector).copyFrom(copy);
      }
    }
  }

  private void find(String name, long[] shape, List<String> problems) {
    Optional<GgufTensor> tensor = file.tensor(name);
    if (tensor.isEmpty()) {
      problems.add("it has no " + name);
    } else if (tensor.get().type() != TensorType.F32
        || tensor.get().shape().size() > shape.length
        || IntStream.range(0, shape.length).anyMatch(i -> side(tensor.get(), i) != shape[i])) {
      problems.add(
          "%s is %s %s instead of F32 %s"
              .formatted(name, tensor.get().type(), tensor.get().shape(), Arrays.toString(shape)));
    }
  }

  private static long side(GgufTensor tensor, int dimension) {
    return tensor.shape().size() > dimension ? tensor.shape().get(dimension) : 1;
  }

  /// The adapter as it was at that step.
  ///
  /// @param alpha the adapter's, see [LoraAdapter]
  /// @throws InvalidInputException when its matrices don't make pairs
  public LoraAdapter adapter(float alpha) {
    List<String> problems = new ArrayList<>();
    List<GgufTensor> parameters =
        file.tensors().stream().filter(tensor -> isParameter(tensor.name())).toList();
    List<LoraPair> pairs = new AdapterPairs(file, parameters, problems).read();
    if (!problems.isEmpty()) {
      throw InvalidInputException.of(path() + " holds no adapter", problems);
    }
    return new LoraAdapter(metadata().requireString(ARCHITECTURE), alpha, pairs);
  }

  /// Whether this is a matrix of the adapter, and not of the optimizer's state.
  private static boolean isParameter(String name) {
    return name.endsWith(LoraMatrix.SUFFIX_A) || name.endsWith(LoraMatrix.SUFFIX_B);
  }

  @Override
  public void close() {
    file.close();
  }
}
