package io.lorikeet.models.adapter;

import io.lorikeet.bindings.RowDequantizer;
import io.lorikeet.models.family.TensorList;
import io.lorikeet.models.lora.FixedMatrices;
import io.lorikeet.models.lora.LoraMatrix;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads the pairs of an adapter's file, collecting everything that is wrong with them or doesn't
/// fit the base.
public final class AdapterPairs {
  private static final int GGML_DIMENSIONS = 4;

  private final GgufFile adapter;
  private final List<GgufTensor> tensors;
  private final List<String> problems;

  AdapterPairs(GgufFile adapter, List<String> problems) {
    this(adapter, adapter.tensors(), problems);
  }

  /// @param tensors those of the file that are the adapter's
  /// @param problems where all that is wrong is added
  public AdapterPairs(GgufFile adapter, List<GgufTensor> tensors, List<String> problems) {
    this.adapter = adapter;
    this.tensors = tensors;
    this.problems = problems;
  }

  /// The pairs that could be read, in the order of the adapter's tensors.
  public List<LoraPair> read() {
    List<LoraPair> pairs = new ArrayList<>();
    for (String name : weightNames()) {
      pair(name, shapeByHalves(name)).ifPresent(pairs::add);
    }
    return pairs;
  }

  /// The pairs that could be read and fit this base, in the order of its tensors.
  List<LoraPair> read(GgufFile base) {
    Set<String> wanted = weightNames();
    List<LoraPair> pairs = new ArrayList<>();
    for (GgufTensor weight : base.tensors()) {
      if (wanted.remove(weight.name()) && isAdaptable(weight, base)) {
        pair(weight.name(), weight.shape()).ifPresent(pairs::add);
      }
    }
    wanted.forEach(name -> problems.add(name + " is not in the base"));
    return pairs;
  }

  private boolean isAdaptable(GgufTensor weight, GgufFile base) {
    boolean ofExperts = weight.shape().size() == 3 && weight.name().endsWith("_exps.weight");
    if (weight.shape().size() != 2 && !ofExperts) {
      problems.add(
          weight.name()
              + " has the shape "
              + weight.shape()
              + " in the base; only matrices can be adapted");
      return false;
    }
    if (TensorList.isKernel(weight.name())) {
      problems.add(weight.name() + " is a convolution: llama.cpp ignores adapters on it");
      return false;
    }
    if (FixedMatrices.isIgnored(weight.name())) {
      problems.add(weight.name() + " has no use for a pair: llama.cpp ignores adapters on it");
      return false;
    }
    if (LoraPair.isFlipped(weight.name()) && base.tensor("output.weight").isEmpty()) {
      problems.add(
          weight.name()
              + " is the head too in this base, and llama.cpp would apply the pair to both");
      return false;
    }
    return true;
  }

  private Set<String> weightNames() {
    Set<String> names = new LinkedHashSet<>();
    for (GgufTensor tensor : tensors) {
      String name = tensor.name();
      if (name.endsWith(LoraMatrix.SUFFIX_A) || name.endsWith(LoraMatrix.SUFFIX_B)) {
        names.add(name.substring(0, name.length() - LoraMatrix.SUFFIX_A.length()));
      } else if (!name.endsWith("_norm.weight")) { // llama.cpp ignores those, and so do we
        problems.add(name + " is no half of a pair: its name should end in .lora_a or .lora_b");
      }
    }
    if (names.isEmpty() && problems.isEmpty()) {
      problems.add("it holds no pair of matrices");
    }
    return names;
  }

  /// The shape, ne `[inputs, outputs, experts]` (of embeddings `[outputs, inputs]`), of a weight
  /// that its pair's two halves would fit.
  private List<Long> shapeByHalves(String weight) {
    Optional<GgufTensor> a = adapter.tensor(weight + LoraMatrix.SUFFIX_A);
    Optional<GgufTensor> b = adapter.tensor(weight + LoraMatrix.SUFFIX_B);
    long outputs = b.map(tensor -> length(tensor, 1)).orElse(0L);
    return LoraPair.isFlipped(weight)
        ? List.of(outputs, a.map(tensor -> length(tensor, 1)).orElse(0L))
        : List.of(
            a.map(tensor -> length(tensor, 0)).orElse(0L),
            outputs,
            b.map(tensor -> length(tensor, 2)).orElse(1L));
  }

  private Optional<LoraPair> pair(String weight, List<Long> shape) {
    Optional<GgufTensor> a = half(weight, LoraMatrix.SUFFIX_A);
    Optional<GgufTensor> b = half(weight, LoraMatrix.SUFFIX_B);
    if (a.isEmpty() || b.isEmpty()) {
      return Optional.empty();
    }
    boolean flipped = LoraPair.isFlipped(weight);
    long inputs = shape.get(flipped ? 1 : 0);
    long outputs = shape.get(flipped ? 0 : 1);
    long rank = length(b.get(), 0);
    long experts = shape.size() > 2 ? shape.get(2) : 1;
    List<Long> shapeOfA = flipped ? List.of(rank, inputs) : shape(inputs, rank, experts);
    boolean fits = hasShape(a.get(), shapeOfA) & hasShape(b.get(), shape(rank, outputs, experts));
    if (!fits) {
      return Optional.empty();
    }
    float[] valuesOfA = values(a.get());
    float[] valuesOfB = values(b.get());
    return Optional.of(
        new LoraPair(
            weight,
            Math.toIntExact(inputs),
            Math.toIntExact(outputs),
            (int) rank,
            Math.toIntExact(experts),
            valuesOfA,
            valuesOfB));
  }

  private static List<Long> shape(long ne0, long ne1, long experts) {
    return experts == 1 ? List.of(ne0, ne1) : List.of(ne0, ne1, experts);
  }

  private Optional<GgufTensor> half(String weight, String suffix) {
    Optional<GgufTensor> tensor = adapter.tensor(weight + suffix);
    if (tensor.isEmpty()) {
      problems.add(weight + suffix + " is missing, the other half is there");
    } else if (!RowDequantizer.reads(tensor.get().type())) {
      problems.add(
          weight
              + suffix
              + " is "
              + tensor.get().type()
              + "; only types that stand for real numbers, such as F32 or Q8_0, can be read");
      return Optional.empty();
    }
    return tensor;
  }

  private boolean hasShape(GgufTensor tensor, List<Long> expected) {
    boolean fits = true;
    for (int i = 0; i < GGML_DIMENSIONS; i++) {
      fits &= length(tensor, i) == (i < expected.size() ? expected.get(i) : 1);
    }
    if (!fits) {
      problems.add(
          tensor.name() + " has the shape " + tensor.shape() + ", and should have " + expected);
    }
    return fits;
  }

  /// Elements along a dimension; trailing ones of 1 aren't in the file's shape.
  private static long length(GgufTensor tensor, int dimension) {
    return dimension < tensor.shape().size() ? tensor.shape().get(dimension) : 1;
  }

  private float[] values(GgufTensor tensor) {
    float[] values = RowDequantizer.floats(tensor.type(), adapter.data(tensor));
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        problems.add(tensor.name() + " holds " + values[i] + ", first as element " + i);
        return new float[values.length];
      }
    }
    return values;
  }
}
