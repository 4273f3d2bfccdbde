package io.lorikeet.export;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads the pairs of an adapter's file, collecting everything that doesn't fit the base.
final class AdapterPairs {
  private static final Set<TensorType> READABLE =
      Set.of(TensorType.F32, TensorType.F16, TensorType.BF16);
  private static final int GGML_DIMENSIONS = 4;
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final GgufFile adapter;
  private final GgufFile base;
  private final List<String> problems;

  AdapterPairs(GgufFile adapter, GgufFile base, List<String> problems) {
    this.adapter = adapter;
    this.base = base;
    this.problems = problems;
  }

  /// The pairs that could be read, in the order of the base's tensors.
  List<LoraPair> read() {
    Set<String> wanted = weightNames();
    if (wanted.isEmpty() && problems.isEmpty()) {
      problems.add("it holds no pair of matrices");
    }
    List<LoraPair> pairs = new ArrayList<>();
    for (GgufTensor weight : base.tensors()) {
      if (wanted.remove(weight.name())) {
        pair(weight).ifPresent(pairs::add);
      }
    }
    wanted.forEach(name -> problems.add(name + " is not in the base"));
    return pairs;
  }

  private Set<String> weightNames() {
    Set<String> names = new LinkedHashSet<>();
    for (GgufTensor tensor : adapter.tensors()) {
      String name = tensor.name();
      if (name.endsWith(AdapterKeys.SUFFIX_A) || name.endsWith(AdapterKeys.SUFFIX_B)) {
        names.add(name.substring(0, name.length() - AdapterKeys.SUFFIX_A.length()));
      } else if (!name.endsWith("_norm.weight")) { // llama.cpp ignores those, and so do we
        problems.add(name + " is no half of a pair: its name should end in .lora_a or .lora_b");
      }
    }
    return names;
  }

  private Optional<LoraPair> pair(GgufTensor weight) {
    Optional<GgufTensor> a = half(weight, AdapterKeys.SUFFIX_A);
    Optional<GgufTensor> b = half(weight, AdapterKeys.SUFFIX_B);
    if (a.isEmpty() || b.isEmpty()) {
      return Optional.empty();
    }
    if (weight.shape().size() != 2) {
      problems.add(
          weight.name()
              + " has the shape "
              + weight.shape()
              + " in the base; only matrices can be adapted");
      return Optional.empty();
    }
    boolean flipped = AdapterExporter.isFlipped(weight.name());
    if (flipped && base.tensor("output.weight").isEmpty()) {
      problems.add(
          weight.name()
              + " is the head too in this base, and llama.cpp would apply the pair to both");
      return Optional.empty();
    }
    long inputs = weight.shape().get(flipped ? 1 : 0);
    long outputs = weight.shape().get(flipped ? 0 : 1);
    long rank = length(b.get(), 0);
    List<Long> shapeOfA = flipped ? List.of(rank, inputs) : List.of(inputs, rank);
    boolean fits = hasShape(a.get(), shapeOfA) & hasShape(b.get(), List.of(rank, outputs));
    if (!fits) {
      return Optional.empty();
    }
    float[] valuesOfA = values(a.get());
    float[] valuesOfB = values(b.get());
    return Optional.of(
        new LoraPair(
            weight.name(),
            Math.toIntExact(inputs),
            Math.toIntExact(outputs),
            (int) rank,
            valuesOfA,
            valuesOfB));
  }

  private Optional<GgufTensor> half(GgufTensor weight, String suffix) {
    Optional<GgufTensor> tensor = adapter.tensor(weight.name() + suffix);
    if (tensor.isEmpty()) {
      problems.add(weight.name() + suffix + " is missing, the other half is there");
    } else if (!READABLE.contains(tensor.get().type())) {
      problems.add(
          weight.name()
              + suffix
              + " is "
              + tensor.get().type()
              + "; F32, F16 and BF16 can be read");
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
          tensor.name() + " has the shape " + tensor.shape() + ", the base wants " + expected);
    }
    return fits;
  }

  /// Elements along a dimension; trailing ones of 1 aren't in the file's shape.
  private static long length(GgufTensor tensor, int dimension) {
    return dimension < tensor.shape().size() ? tensor.shape().get(dimension) : 1;
  }

  private float[] values(GgufTensor tensor) {
    MemorySegment data = adapter.data(tensor);
    float[] values = new float[Math.toIntExact(tensor.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.type()) {
            case F16 -> Float.float16ToFloat(data.getAtIndex(SHORT, i));
            case BF16 -> Float.intBitsToFloat(data.getAtIndex(SHORT, i) << Short.SIZE);
            default -> data.getAtIndex(FLOAT, i);
          };
      if (!Float.isFinite(values[i])) {
        problems.add(tensor.name() + " holds " + values[i] + ", first as element " + i);
        return new float[values.length];
      }
    }
    return values;
  }
}
