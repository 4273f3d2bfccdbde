package io.lorikeet.models.lora;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/// The matrices A and B of all pairs in a device's memory, and room for their gradients: one flat
/// F32 vector each, so that the optimizer sees a single tensor. All A come first, then all B, which
/// may learn at another rate. Between matrices there are zeros that stay zeros.
public final class LoraParameters implements AutoCloseable {
  /// Matrices begin at multiples of this many elements, which suits every backend's alignment.
  private static final int ALIGNMENT = 64;

  /// Scales that differ by less are the same.
  private static final float ROUNDING = 1e-5f;

  private final String architecture;
  private final Map<String, LoraSlot> slots;
  private final Optional<Invocation> invocation;
  private final long startOfB;
  private final DeviceTensors tensors;

  private LoraParameters(
      String architecture,
      List<PairShape> pairs,
      Optional<Invocation> invocation,
      Backend backend) {
    this.architecture = architecture;
    this.invocation = invocation;
    slots = new LinkedHashMap<>();
    startOfB = aligned(pairs.stream().mapToLong(pair -> pair.elements(true)).sum());
    long a = 0;
    long b = startOfB;
    for (PairShape pair : pairs) {
      slots.put(pair.baseTensor(), pair.at(a, b));
      a += pair.elements(true);
      b += pair.elements(false);
    }
    Shape shape = Shape.of(b);
    tensors =
        DeviceTensors.allocate(
            backend,
            List.of(
                new DeviceTensors.Spec("lora", TensorType.F32, shape),
                new DeviceTensors.Spec("lora_gradients", TensorType.F32, shape)));
    values().clear();
    gradients().clear();
  }

  /// New pairs: A uniform in ±1/sqrt(inputs) (Kaiming, as PEFT has it), B zero, so that the adapter
  /// changes nothing yet. For the token embedding it is A that is zero.
  public static LoraParameters create(
      GgufFile base, ModelConfig config, LoraSettings settings, Backend backend) {
    return create(base, config, settings, Map.of(), backend);
  }

  /// New pairs, some of which begin otherwise.
  ///
  /// @param starts of weights; their products keep the scale that the settings' rank has
  public static LoraParameters create(
      GgufFile base,
      ModelConfig config,
      LoraSettings settings,
      Map<String, PairStart> starts,
      Backend backend) {
    List<PairShape> pairs = new ArrayList<>();
    for (String name : LoraTargets.resolve(settings.targets(), config)) {
      GgufTensor weight = base.tensor(name).orElseThrow();
      int ne0 = Math.toIntExact(weight.shape().get(0));
      int ne1 = Math.toIntExact(weight.shape().get(1));
      boolean flipped = name.equals(LoraTargets.EMBEDDING);
      boolean ofExperts = weight.shape().size() > 2;
      int usual = ofExperts ? settings.expertRank() : settings.rank();
      PairStart start = starts.get(name);
      pairs.add(
          new PairShape(
              name,
              flipped ? ne1 : ne0,
              flipped ? ne0 : ne1,
              start == null ? usual : start.rank(),
              ofExperts ? Math.toIntExact(weight.shape().get(2)) : 1,
              (float) (settings.fileAlpha() / usual)));
    }
    LoraParameters parameters =
        new LoraParameters(config.architecture(), pairs, settings.invocation(), backend);
    if (backend.isPlanning()) {
      return parameters;
    }
    SplittableRandom seeds = new SplittableRandom(settings.seed());
    for (LoraSlot slot : parameters.slots()) {
      SplittableRandom random = seeds.split();
      PairStart start = starts.get(slot.baseTensor());
      if (start != null && start.a().isPresent()) {
        parameters.fill(slot.aOffset(), start.a().get());
      } else if (slot.flipped()) {
        parameters.fill(slot.bOffset(), uniform(random, slot.bShape(), slot.rank()));
      } else {
        parameters.fill(slot.aOffset(), uniform(random, slot.aShape(), slot.inputs()));
      }
    }
    return parameters;
  }

  /// The pairs of a finished adapter.
  public static LoraParameters of(LoraAdapter adapter, Backend backend) {
    List<PairShape> pairs =
        adapter.pairs().stream()
            .map(
                pair ->
                    new PairShape(
                        pair.baseTensor(),
                        pair.inputs(),
                        pair.outputs(),
                        pair.rank(),
                        pair.experts(),
                        adapter.alpha() / pair.rank()))
            .toList();
    LoraParameters parameters =
        new LoraParameters(adapter.architecture(), pairs, adapter.invocation(), backend);
    for (LoraPair pair : adapter.pairs()) {
      LoraSlot slot = parameters.slot(pair.baseTensor()).orElseThrow();
      for (int i = 0; i < slot.matrices().size(); i++) {
        parameters.fill(slot.matrices().get(i).offset(), pair.matrices().get(i).values());
      }
    }
    return parameters;
  }

  /// Room for the pairs of another machine's adapter, all zeros: the same vector has the same
  /// places here as there.
  ///
  /// @param slots those of its [#slots]
  /// @param invocation of [#invocation]
  public static LoraParameters zeros(
      String architecture, List<LoraSlot> slots, Optional<Invocation> invocation, Backend backend) {
    List<PairShape> pairs =
        slots.stream()
            .map(
                slot ->
                    new PairShape(
                        slot.baseTensor(),
                        slot.inputs(),
                        slot.outputs(),
                        slot.rank(),
                        slot.experts(),
                        slot.scaling()))
            .toList();
    return new LoraParameters(architecture, pairs, invocation, backend);
  }

  /// A pair that hasn't got its places yet, see [LoraSlot].
  private record PairShape(
      String baseTensor, int inputs, int outputs, int rank, int experts, float scaling) {
    /// Elements of a matrix with the zeros after it.
    long elements(boolean ofA) {
      return aligned((long) (ofA ? inputs : outputs) * rank * experts);
    }

    LoraSlot at(long a, long b) {
      return new LoraSlot(baseTensor, inputs, outputs, rank, experts, scaling, a, b);
    }
  }

  private static long aligned(long offset) {
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  private static float[] uniform(SplittableRandom random, Shape shape, int fanIn) {
    double bound = 1 / Math.sqrt(fanIn);
    float[] values = new float[Math.toIntExact(shape.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextDouble(-bound, bound);
    }
    return values;
  }

  private void fill(long offset, float[] matrix) {
    values().upload(MemorySegment.ofArray(matrix), offset * Float.BYTES);
  }

  /// All parameters, F32 `[n]`.
  public Tensor values() {
    return tensors.get("lora");
  }

  /// Index of the first element of all B in these vectors.
  public long startOfB() {
    return startOfB;
  }

  /// The sums of their gradients, F32 `[n]`.
  public Tensor gradients() {
    return tensors.get("lora_gradients");
  }

  /// Lets something run with the adapter off: all parameters are zeros meanwhile.
  public void whileOff(Runnable work) {
    try (Arena arena = Arena.ofConfined()) {
      long bytes = values().shape().elements() * Float.BYTES;
      MemorySegment kept = arena.allocate(bytes, Float.BYTES);
      values().download(kept, 0);
      values().clear();
      try {
        work.run();
      } finally {
        values().upload(kept, 0);
      }
    }
  }

  /// The tokens that the adapter acts from; empty for one that always does.
  public Optional<Invocation> invocation() {
    return invocation;
  }

  public List<LoraSlot> slots() {
    return List.copyOf(slots.values());
  }

  /// The pair that adapts a base tensor, if there is one.
  public Optional<LoraSlot> slot(String baseTensor) {
    return Optional.ofNullable(slots.get(baseTensor));
  }

  /// Matrices that lie one after the other in these vectors.
  ///
  /// @param first index of their first element
  /// @param count elements from there to the end of the last one
  public record Run(long first, long count) {}

  /// All A, or all B, of the pairs whose base tensors' names begin with `prefix`: a layer's, or
  /// those of nothing else.
  public Run run(String prefix, boolean ofA) {
    long first = Long.MAX_VALUE;
    long end = 0;
    for (LoraSlot slot : slots.values()) {
      if (slot.baseTensor().startsWith(prefix)) {
        long start = ofA ? slot.aOffset() : slot.bOffset();
        first = Math.min(first, start);
        end = Math.max(end, start + (ofA ? slot.aShape() : slot.bShape()).elements());
      }
    }
    return new Run(first, end - first);
  }

  /// The sum of the ranks of the pairs whose base tensors' names begin with `prefix`.
  public int ranks(String prefix) {
    return ranksBefore(prefix, Long.MAX_VALUE);
  }

  /// The same, of those whose A begins before that element.
  public int ranksBefore(String prefix, long offset) {
    return slots.values().stream()
        .filter(slot -> slot.baseTensor().startsWith(prefix) && slot.aOffset() < offset)
        .mapToInt(LoraSlot::rank)
        .sum();
  }

  /// Trained parameters, without the zeros between matrices.
  public long count() {
    return slots.values().stream()
        .flatMap(slot -> slot.matrices().stream())
        .mapToLong(matrix -> matrix.shape().elements())
        .sum();
  }

  /// The adapter as it is now.
  public LoraAdapter toAdapter() {
    return adapter(slots.values().stream().map(this::pair).toList());
  }

  /// An adapter of matrices that these parameters had. A file has one alpha, which is divided by
  /// each pair's rank. Where that isn't the scale that a pair is trained with, B is multiplied.
  ///
  /// @param trained as [#pair] gives them
  public LoraAdapter adapter(List<LoraPair> trained) {
    LoraSlot first = slots.values().iterator().next();
    float alpha = first.scaling() * first.rank();
    List<LoraPair> pairs =
        trained.stream()
            .map(
                pair ->
                    scaled(
                        pair,
                        slot(pair.baseTensor()).orElseThrow().scaling() * pair.rank() / alpha))
            .toList();
    return new LoraAdapter(architecture, alpha, pairs, invocation);
  }

  private static LoraPair scaled(LoraPair pair, float factor) {
    if (Math.abs(factor - 1) < ROUNDING) {
      return pair;
    }
    return pair.with(
        matrix -> {
          float[] values = matrix.values().clone();
          for (int i = 0; matrix.name().endsWith(LoraMatrix.SUFFIX_B) && i < values.length; i++) {
            values[i] *= factor;
          }
          return values;
        });
  }

  /// A pair as it is now, without its scale.
  public LoraPair pair(LoraSlot slot) {
    List<float[]> matrices = read(values(), slot);
    return new LoraPair(
        slot.baseTensor(),
        slot.inputs(),
        slot.outputs(),
        slot.rank(),
        slot.experts(),
        matrices.getFirst(),
        matrices.getLast());
  }

  /// The matrices of a pair in one of the flat vectors.
  public static List<float[]> read(Tensor vector, LoraSlot slot) {
    return slot.matrices().stream().map(matrix -> read(vector, matrix)).toList();
  }

  private static float[] read(Tensor vector, LoraMatrix.MatrixPlace place) {
    float[] matrix = new float[Math.toIntExact(place.shape().elements())];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate((long) matrix.length * Float.BYTES, Float.BYTES);
      vector.download(copy, place.offset() * Float.BYTES);
      MemorySegment.copy(copy, ValueLayout.JAVA_FLOAT, 0, matrix, 0, matrix.length);
    }
    return matrix;
  }

  /// Bytes of the device's memory that parameters and gradients take.
  public long bytes() {
    return tensors.bytes();
  }

  @Override
  public void close() {
    tensors.close();
  }
}
