package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Sums of the device over the batches of a step, to be read all at once at its end: reading waits
/// for the device, which then waits for the host.
final class StepSums implements AutoCloseable {
  /// Batches whose losses there is room for; those of more are read between.
  private static final int BATCHES = 64;

  private static final String OTHER = "other";

  private final DeviceTensors memory;
  private final DeviceTensors places;
  private final long stride;
  private final List<Double> read = new ArrayList<>();
  private int unread;

  StepSums(Backend backend) {
    stride = DeviceTensors.overlayBytes(backend, List.of(place(OTHER)));
    Shape all = Shape.of((1L + BATCHES) * stride / Float.BYTES);
    memory = DeviceTensors.allocate(backend, List.of(new Spec("sums", TensorType.F32, all)));
    List<Spec> specs = new ArrayList<>(List.of(place(OTHER)));
    for (int i = 0; i < BATCHES; i++) {
      specs.add(place(loss(i)));
    }
    try {
      places = DeviceTensors.overlay(backend, memory.get("sums"), specs);
    } catch (RuntimeException e) {
      memory.close();
      throw e;
    }
  }

  private static Spec place(String name) {
    return new Spec(name, TensorType.F32, Shape.of(1));
  }

  private static String loss(int index) {
    return "loss " + index;
  }

  /// A place for a batch's loss, F32 `[1]`, for graphs to be bound to.
  Tensor anyLoss() {
    return places.get(loss(0));
  }

  /// The place for the loss of the next batch, F32 `[1]`, which is zero.
  Tensor nextLoss() {
    if (unread == BATCHES) {
      readLosses(memory.get("sums").downloadFloats());
    }
    Tensor place = places.get(loss(unread++));
    place.upload(new float[1]);
    return place;
  }

  private void readLosses(float[] sums) {
    for (int i = 0; i < unread; i++) {
      read.add((double) sums[Math.toIntExact((1L + i) * stride / Float.BYTES)]);
    }
    unread = 0;
  }

  /// Whether there are losses that weren't taken.
  boolean isEmpty() {
    return unread == 0 && read.isEmpty();
  }

  /// The losses since the last call, in their order, and another number.
  ///
  /// @param other F32 `[1]`, or null for none, which gives zero
  TransformerModel.Sums take(@Nullable Tensor other) {
    if (other != null) {
      other.copyTo(places.get(OTHER));
    }
    float[] sums = memory.get("sums").downloadFloats();
    readLosses(sums);
    double[] losses = read.stream().mapToDouble(Double::doubleValue).toArray();
    read.clear();
    return new TransformerModel.Sums(losses, other == null ? 0 : sums[0]);
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
