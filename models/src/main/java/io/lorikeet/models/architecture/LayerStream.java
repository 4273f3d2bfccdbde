package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The layers' weights, of which two layers are in the device's memory at a time: layer i has slot
/// i mod 2, so that neighbours are never in each other's way. A thread uploads one while the other
/// is computed with.
final class LayerStream implements AutoCloseable {
  private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\..*");
  private static final int SLOTS = 2;

  private final GgufFile base;
  private final Backend backend;
  private final List<List<GgufTensor>> layers;
  private final DeviceTensors slots;
  private final List<DeviceTensors> overlays = new ArrayList<>();
  private final int[] inSlot = {-1, -1};
  private final List<Future<?>> uploads = new ArrayList<>(List.of(done(), done()));
  private final ExecutorService uploader =
      Executors.newSingleThreadExecutor(
          task -> {
            Thread thread = new Thread(task, "uploads of layers");
            thread.setDaemon(true);
            return thread;
          });

  LayerStream(GgufFile base, Backend backend) {
    this.base = base;
    this.backend = backend;
    SortedMap<Integer, List<GgufTensor>> byLayer = new TreeMap<>();
    for (GgufTensor tensor : base.tensors()) {
      if (layerOf(tensor) >= 0) {
        byLayer.computeIfAbsent(layerOf(tensor), _ -> new ArrayList<>()).add(tensor);
      }
    }
    layers = List.copyOf(byLayer.values());
    long largest =
        layers.stream()
            .mapToLong(layer -> DeviceTensors.overlayBytes(backend, specs(layer)))
            .max()
            .orElse(0);
    Shape shape = Shape.of(Math.ceilDiv(largest, Float.BYTES));
    slots =
        DeviceTensors.allocate(
            backend,
            List.of(
                new Spec("slot 0", TensorType.F32, shape),
                new Spec("slot 1", TensorType.F32, shape)));
    try {
      for (int i = 0; i < layers.size(); i++) {
        Tensor slot = slots.get("slot " + i % SLOTS);
        overlays.add(DeviceTensors.overlay(backend, slot, specs(layers.get(i))));
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /// The number of the layer that a tensor belongs to, or -1.
  static int layerOf(GgufTensor tensor) {
    Matcher matcher = LAYER.matcher(tensor.name());
    return matcher.matches() ? Integer.parseInt(matcher.group(1)) : -1;
  }

  private static List<Spec> specs(List<GgufTensor> layer) {
    return layer.stream().map(BaseWeights::spec).toList();
  }

  private static Future<?> done() {
    return CompletableFuture.completedFuture(null);
  }

  /// All layers' tensors; what they hold is only right after [#require].
  List<Tensor> tensors() {
    List<Tensor> tensors = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      for (GgufTensor tensor : layers.get(i)) {
        tensors.add(overlays.get(i).get(tensor.name()));
      }
    }
    return tensors;
  }

  void require(int layer, int next) {
    start(layer);
    finish(layer % SLOTS);
    if (next >= 0 && next < layers.size()) {
      start(next);
    }
  }

  private void start(int layer) {
    int slot = layer % SLOTS;
    if (inSlot[slot] != layer) {
      finish(slot);
      backend.finish(); // the layer that was there may still be computed with
      inSlot[slot] = layer;
      uploads.set(slot, uploader.submit(() -> upload(layer)));
    }
  }

  private void upload(int layer) {
    for (GgufTensor tensor : layers.get(layer)) {
      overlays.get(layer).get(tensor.name()).uploadAside(base.data(tensor));
    }
  }

  private void finish(int slot) {
    try {
      uploads.get(slot).get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while weights were uploaded", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException cause
          ? cause
          : new IllegalStateException(e.getCause());
    }
  }

  long bytes() {
    return slots.bytes();
  }

  @Override
  public void close() {
    uploader.close();
    overlays.forEach(DeviceTensors::close);
    slots.close();
  }
}
