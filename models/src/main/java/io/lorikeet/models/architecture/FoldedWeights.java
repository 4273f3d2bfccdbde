package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.lora.LoraParameters;
import io.lorikeet.models.lora.LoraSlot;
import io.lorikeet.models.merge.MergePool;
import io.lorikeet.models.merge.MergedMatrix;
import io.lorikeet.models.merge.Rounding;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import io.lorikeet.quant.InvalidInputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The adapted weights as a merged file will have them: W + scaling · B A, rounded to W's own type
/// by the very code that merges. Training on them is training through the quantizer.
///
/// They are computed on the host, from the base's mapping, and uploaded; weights change only once
/// in an optimizer step, however many batches it has. They take as much memory as the weights they
/// stand for.
final class FoldedWeights implements AutoCloseable {
  private final GgufFile base;
  private final LoraParameters lora;
  private final MergePool pool;
  private final DeviceTensors tensors;
  private final Map<String, Tensor> byName = new HashMap<>();

  /// @throws InvalidInputException for pairs of weights that graphs don't simply multiply by
  FoldedWeights(GgufFile base, LoraParameters lora, Backend backend) {
    this.base = base;
    this.lora = lora;
    requireProducts(lora);
    List<Spec> specs = new ArrayList<>();
    for (LoraSlot slot : lora.slots()) {
      GgufTensor weight = base.tensor(slot.baseTensor()).orElseThrow();
      specs.add(
          new Spec(slot.baseTensor(), weight.type(), Shape.of(slot.inputs(), slot.outputs())));
    }
    tensors = DeviceTensors.allocate(backend, specs);
    specs.forEach(spec -> byName.put(spec.name(), tensors.get(spec.name())));
    pool = new MergePool(backend.threads());
  }

  /// The token embedding's rows are looked up, and experts' matrices chosen by token.
  private static void requireProducts(LoraParameters lora) {
    List<String> others =
        lora.slots().stream()
            .filter(slot -> slot.flipped() || slot.experts() > 1)
            .map(LoraSlot::baseTensor)
            .toList();
    if (!others.isEmpty()) {
      throw InvalidInputException.of(
          "these can't be trained for merging, only as an adapter; leave them out of the targets",
          others);
    }
  }

  /// The weight of this name, or null where it isn't adapted.
  @Nullable Tensor find(String name) {
    return byName.get(name);
  }

  /// Computes all weights from the adapter as it is now.
  void refresh() {
    for (LoraSlot slot : lora.slots()) {
      GgufTensor weight = base.tensor(slot.baseTensor()).orElseThrow();
      MergedMatrix.ScaledPair part = new MergedMatrix.ScaledPair(lora.pair(slot), slot.scaling());
      MergedMatrix matrix =
          MergedMatrix.adapted(
              weight.type(), weight.type(), List.of(part), Rounding.DITHERED, null);
      try (Arena arena = Arena.ofShared()) {
        MemorySegment merged = arena.allocate(weight.bytes(), 64);
        pool.merge(matrix, 0, base.data(weight), merged, null);
        tensors.get(slot.baseTensor()).upload(merged, 0);
      }
    }
  }

  /// Bytes of the device's memory.
  long bytes() {
    return tensors.bytes();
  }

  @Override
  public void close() {
    pool.close();
    tensors.close();
  }
}
