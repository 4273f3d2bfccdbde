package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The losses of the places of a step's batches on the device, to be read all at once at its end:
/// reading waits for the device, which then waits for the host.
final class StepLosses implements AutoCloseable {
  /// Places whose losses there is room for, unless a batch has more; those of more are read
  /// between.
  private static final int PLACES = 1 << 16;

  /// Batches that there is room for at most.
  private static final int BATCHES = 64;

  private static final String OTHER = "other";

  private final DeviceTensors memory;
  private final DeviceTensors places;
  private final int batches;
  private final int first;
  private final int stride;
  private final List<float[]> read = new ArrayList<>();
  private final List<Integer> unread = new ArrayList<>();

  /// @param tokens of a batch at most
  StepLosses(Backend backend, int tokens) {
    batches = Math.clamp(PLACES / tokens, 1, BATCHES);
    List<Spec> specs = new ArrayList<>(List.of(new Spec(OTHER, TensorType.F32, Shape.of(1))));
    first = floats(backend, specs);
    for (int i = 0; i < batches; i++) {
      specs.add(new Spec(losses(i), TensorType.F32, Shape.of(tokens)));
    }
    stride = floats(backend, specs.subList(1, 2));
    Shape all = Shape.of(floats(backend, specs));
    memory = DeviceTensors.allocate(backend, List.of(new Spec("all", TensorType.F32, all)));
    try {
      places = DeviceTensors.overlay(backend, memory.get("all"), specs);
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  private static int floats(Backend backend, List<Spec> specs) {
    return Math.toIntExact(DeviceTensors.overlayBytes(backend, specs) / Float.BYTES);
  }

  private static String losses(int batch) {
    return "losses " + batch;
  }

  /// A place for a batch's losses, F32 `[tokens]`, for graphs to be bound to.
  Tensor any() {
    return places.get(losses(0));
  }

  /// The place for the losses of the next batch, F32 `[tokens]`.
  ///
  /// @param size of the batch
  Tensor next(int size) {
    if (unread.size() == batches) {
      read(memory.get("all").downloadFloats());
    }
    unread.add(size);
    return places.get(losses(unread.size() - 1));
  }

  private void read(float[] all) {
    for (int i = 0; i < unread.size(); i++) {
      int start = first + i * stride;
      read.add(Arrays.copyOfRange(all, start, start + unread.get(i)));
    }
    unread.clear();
  }

  /// Whether there are losses that weren't taken.
  boolean isEmpty() {
    return unread.isEmpty() && read.isEmpty();
  }

  /// The losses since the last call, in their order, and another number.
  ///
  /// @param other F32 `[1]`, or null for none, which gives zero
  TransformerModel.Losses take(@Nullable Tensor other) {
    if (other != null) {
      other.copyTo(places.get(OTHER));
    }
    float[] all = memory.get("all").downloadFloats();
    read(all);
    List<float[]> losses = List.copyOf(read);
    read.clear();
    return new TransformerModel.Losses(losses, other == null ? 0 : all[0]);
  }

  long bytes() {
    return memory.bytes();
  }

  @Override
  public void close() {
    places.close();
    memory.close();
  }
}
