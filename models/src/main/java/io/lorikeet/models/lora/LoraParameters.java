package io.lorikeet.models.lora;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
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
/// F32 vector each, so that the optimizer sees a single tensor. Between matrices there are zeros
/// that stay zeros.
public final class LoraParameters implements AutoCloseable {
  /// Matrices begin at multiples of this many elements, which suits every backend's alignment.
  private static final int ALIGNMENT = 64;

  private final String architecture;
  private final Map<String, LoraSlot> slots;
  private final DeviceTensors tensors;

  private LoraParameters(String architecture, List<LoraSlot> slots, Backend backend) {
    this.architecture = architecture;
    this.slots = new LinkedHashMap<>();
    slots.forEach(slot -> this.slots.put(slot.baseTensor(), slot));
    Shape shape = Shape.of(end(slots.getLast()));
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
    List<LoraSlot> slots = new ArrayList<>();
    long offset = 0;
    for (String name : LoraTargets.resolve(settings.targets(), config)) {
      GgufTensor weight = base.tensor(name).orElseThrow();
      int ne0 = Math.toIntExact(weight.shape().get(0));
      int ne1 = Math.toIntExact(weight.shape().get(1));
      boolean flipped = name.equals(LoraTargets.EMBEDDING);
      boolean ofExperts = weight.shape().size() > 2;
      int rank = ofExperts ? settings.expertRank() : settings.rank();
      LoraSlot slot =
          slot(
              name,
              flipped ? ne1 : ne0,
              flipped ? ne0 : ne1,
              rank,
              ofExperts ? Math.toIntExact(weight.shape().get(2)) : 1,
              (float) (settings.fileAlpha() / rank),
              offset);
      slots.add(slot);
      offset = end(slot);
    }
    LoraParameters parameters = new LoraParameters(config.architecture(), slots, backend);
    if (backend.isPlanning()) {
      return parameters;
    }
    SplittableRandom seeds = new SplittableRandom(settings.seed());
    for (LoraSlot slot : slots) {
      SplittableRandom random = seeds.split();
      if (slot.flipped()) {
        parameters.fill(slot.bOffset(), uniform(random, slot.bShape(), slot.rank()));
      } else {
        parameters.fill(slot.aOffset(), uniform(random, slot.aShape(), slot.inputs()));
      }
    }
    return parameters;
  }

  /// The pairs of a finished adapter.
  public static LoraParameters of(LoraAdapter adapter, Backend backend) {
    List<LoraSlot> slots = new ArrayList<>();
    long offset = 0;
    for (LoraPair pair : adapter.pairs()) {
      LoraSlot slot =
          slot(
              pair.baseTensor(),
              pair.inputs(),
              pair.outputs(),
              pair.rank(),
              pair.experts(),
              adapter.alpha() / pair.rank(),
              offset);
      slots.add(slot);
      offset = end(slot);
    }
    LoraParameters parameters = new LoraParameters(adapter.architecture(), slots, backend);
    for (LoraPair pair : adapter.pairs()) {
      LoraSlot slot = parameters.slot(pair.baseTensor()).orElseThrow();
      for (int i = 0; i < slot.matrices().size(); i++) {
        parameters.fill(slot.matrices().get(i).offset(), pair.matrices().get(i).values());
      }
    }
    return parameters;
  }

  private static LoraSlot slot(
      String name, int inputs, int outputs, int rank, int experts, float scaling, long offset) {
    long bOffset = aligned(offset + (long) inputs * rank * experts);
    return new LoraSlot(name, inputs, outputs, rank, experts, scaling, offset, bOffset);
  }

  /// Where the next pair begins.
  private static long end(LoraSlot slot) {
    LoraMatrix.MatrixPlace last = slot.matrices().getLast();
    return aligned(last.offset() + last.shape().elements());
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

  public List<LoraSlot> slots() {
    return List.copyOf(slots.values());
  }

  /// The pair that adapts a base tensor, if there is one.
  public Optional<LoraSlot> slot(String baseTensor) {
    return Optional.ofNullable(slots.get(baseTensor));
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
    List<LoraPair> pairs = slots.values().stream().map(this::pair).toList();
    LoraSlot first = slots.values().iterator().next();
    return new LoraAdapter(architecture, first.scaling() * first.rank(), pairs);
  }

  /// A pair as it is now.
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
