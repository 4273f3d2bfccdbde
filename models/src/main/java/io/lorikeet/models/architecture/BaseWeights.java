package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Placed;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.ByteProgress;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The frozen weights of a base where they are computed with: on the CPU in the file's own mapping,
/// elsewhere uploaded. The file must stay open as long as this.
public final class BaseWeights implements AutoCloseable {
  private static final long UPLOAD_BYTES = 32L << 20;

  private final List<DeviceTensors> owners = new ArrayList<>();
  private final Map<String, Tensor> tensors = new HashMap<>();
  private @Nullable LayerStream stream;
  private @Nullable EmbeddingRows embeddingRows;
  private long copiedBytes;
  private long mappedBytes;

  private BaseWeights() {}

  /// Puts a base's tensors where `backend` can compute with them.
  ///
  /// @param progress told of uploads, not called where nothing is copied
  public static BaseWeights load(GgufFile base, Backend backend, ByteProgress progress) {
    return load(
        base, base.tensors().stream().filter(BaseWeights::isOnDevice).toList(), backend, progress);
  }

  /// The same, but of the layers only two are in the device's memory at a time: the one that is
  /// computed and the next one, which is uploaded meanwhile. For bases larger than the memory.
  public static BaseWeights stream(GgufFile base, Backend backend, ByteProgress progress) {
    // Embeddings that serve as the head too, or in each layer, are wanted whole.
    boolean untied =
        base.tensor("output.weight").isPresent() && base.tensor(ModelConfig.TOKEN_INPUTS).isEmpty();
    List<GgufTensor> others =
        base.tensors().stream()
            .filter(BaseWeights::isOnDevice)
            .filter(tensor -> LayerStream.layerOf(tensor) < 0)
            .filter(tensor -> !untied || !tensor.name().equals(EmbeddingGraph.WEIGHT))
            .toList();
    BaseWeights weights = load(base, others, backend, progress);
    try {
      if (untied) {
        weights.embeddingRows =
            new EmbeddingRows(base, base.tensor(EmbeddingGraph.WEIGHT).orElseThrow());
      }
      LayerStream stream = new LayerStream(base, backend);
      weights.stream = stream;
      stream.tensors().forEach(tensor -> weights.tensors.put(tensor.name(), tensor));
      weights.copiedBytes += stream.bytes();
      return weights;
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  /// Not the table of embeddings for each layer, see [TokenInputs].
  private static boolean isOnDevice(GgufTensor tensor) {
    return !tensor.name().equals(ModelConfig.TOKEN_INPUTS);
  }

  private static BaseWeights load(
      GgufFile base, List<GgufTensor> wanted, Backend backend, ByteProgress progress) {
    if (backend.isPlanning()) {
      return plan(wanted, backend);
    }
    BaseWeights weights = new BaseWeights();
    try {
      List<GgufTensor> toCopy = new ArrayList<>();
      Map<Integer, List<Placed>> inPlace = new TreeMap<>();
      for (GgufTensor tensor : wanted) {
        MemorySegment data = base.data(tensor);
        if (backend.isCpu() && DeviceTensors.canBeUsedInPlace(data)) {
          inPlace
              .computeIfAbsent(tensor.part(), part -> new ArrayList<>())
              .add(new Placed(spec(tensor), data));
          weights.mappedBytes += tensor.bytes();
        } else {
          toCopy.add(tensor);
        }
      }
      for (List<Placed> part : inPlace.values()) {
        weights.own(DeviceTensors.inPlace(part), part.stream().map(p -> p.spec().name()).toList());
      }
      if (!toCopy.isEmpty()) {
        weights.own(
            DeviceTensors.allocate(backend, toCopy.stream().map(BaseWeights::spec).toList()),
            toCopy.stream().map(GgufTensor::name).toList());
        weights.copiedBytes = weights.owners.getLast().bytes();
        weights.upload(base, toCopy, progress);
      }
      return weights;
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  /// Asks only for the head of the file.
  private static BaseWeights plan(List<GgufTensor> wanted, Backend backend) {
    BaseWeights weights = new BaseWeights();
    List<GgufTensor> mapped = backend.isCpu() ? wanted : List.of();
    List<GgufTensor> copied = backend.isCpu() ? List.of() : wanted;
    for (List<GgufTensor> tensors : List.of(mapped, copied)) {
      weights.own(
          DeviceTensors.allocate(backend, tensors.stream().map(BaseWeights::spec).toList()),
          tensors.stream().map(GgufTensor::name).toList());
    }
    weights.copiedBytes = weights.owners.getLast().bytes();
    weights.mappedBytes = mapped.stream().mapToLong(GgufTensor::bytes).sum();
    return weights;
  }

  /// Bytes of the device's memory that the weights take.
  public long bytes() {
    return copiedBytes;
  }

  /// Bytes of weights that are used right where the file is mapped.
  public long mappedBytes() {
    return mappedBytes;
  }

  /// Waits until a layer's weights can be computed with, and lets those of `next` follow. Says
  /// nothing and does nothing where all layers are in place.
  ///
  /// @param next the layer that will be asked for after this one, a neighbour; or any that isn't
  ///     one, for none
  void require(int layer, int next) {
    if (stream != null) {
      stream.require(layer, next);
    }
  }

  /// The token embeddings, where they aren't on the device; else null.
  @Nullable EmbeddingRows embeddingRows() {
    return embeddingRows;
  }

  /// A tensor as it will be on a device.
  static Spec spec(GgufTensor tensor) {
    List<Long> s = tensor.shape();
    Shape shape =
        new Shape(
            s.get(0),
            s.size() > 1 ? s.get(1) : 1,
            s.size() > 2 ? s.get(2) : 1,
            s.size() > 3 ? s.get(3) : 1);
    return new Spec(tensor.name(), tensor.type(), shape);
  }

  private void own(DeviceTensors owner, List<String> names) {
    owners.add(owner);
    names.forEach(name -> tensors.put(name, owner.get(name)));
  }

  private void upload(GgufFile base, List<GgufTensor> toCopy, ByteProgress progress) {
    long total = toCopy.stream().mapToLong(GgufTensor::bytes).sum();
    long done = 0;
    for (GgufTensor tensor : toCopy) {
      MemorySegment data = base.data(tensor);
      for (long offset = 0; offset < data.byteSize(); offset += UPLOAD_BYTES) {
        long length = Math.min(UPLOAD_BYTES, data.byteSize() - offset);
        get(tensor.name()).upload(data.asSlice(offset, length), offset);
        done += length;
        progress.at(done, total);
      }
    }
  }

  /// The rests of the names that begin with `prefix`, in alphabetical order.
  List<String> namesUnder(String prefix) {
    return tensors.keySet().stream()
        .filter(name -> name.startsWith(prefix))
        .map(name -> name.substring(prefix.length()))
        .sorted()
        .toList();
  }

  /// The tensor of this name, or null when the base has none.
  public @Nullable Tensor find(String name) {
    return tensors.get(name);
  }

  /// The tensor of this name.
  ///
  /// @throws IllegalArgumentException when the base has none
  public Tensor get(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("the base has no tensor " + name);
    }
    return tensor;
  }

  @Override
  public void close() {
    if (stream != null) {
      stream.close();
    }
    owners.reversed().forEach(DeviceTensors::close);
  }
}
