package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.AttentionConfig.SharedKeys;
import io.lorikeet.models.family.LayerConfig;
import io.lorikeet.models.family.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Keys and values that several layers attend to, F32 `[head size, key-value heads, tokens]`, and
/// their gradients. The layer that computes them writes them in forward and clears their gradients.
/// In backward each layer that borrows them adds to the gradients, and the layer that lent them
/// goes on from there.
///
/// Where several passes take turns in a layer, each has its own, which are copied to and from the
/// ones that graphs compute with.
final class SharedKeyValues implements AutoCloseable {
  private static final List<String> VALUES = List.of("keys", "values");
  private static final List<String> GRADIENTS = List.of("keys' gradient", "values' gradient");

  private final ModelConfig config;
  private final boolean training;
  private final boolean onDevice;
  private final DeviceTensors working;
  private final @Nullable DeviceTensors saved;

  /// Whether layers of a base share keys and values.
  static boolean areIn(ModelConfig config) {
    return config.layerConfigs().stream().anyMatch(layer -> layer.sharedKeys().isPresent());
  }

  /// @param tokens of a pass; shorter ones use the beginning of each tensor
  /// @param training whether there are gradients
  /// @param passes passes that take turns in a layer
  /// @param onDevice whether what other passes have is kept in the device's memory
  SharedKeyValues(
      Backend backend,
      ModelConfig config,
      int tokens,
      boolean training,
      int passes,
      boolean onDevice) {
    this.config = config;
    this.training = training;
    this.onDevice = onDevice;
    List<Spec> specs = new ArrayList<>();
    List<Spec> places = new ArrayList<>();
    for (LayerConfig layer : config.layerConfigs()) {
      SharedKeys keys = layer.sharedKeys().filter(SharedKeys::lent).orElse(null);
      if (keys == null) {
        continue;
      }
      Shape shape = Shape.of(layer.headSize(), layer.keyValueHeads(), tokens);
      for (String part : parts()) {
        specs.add(new Spec(name(part, keys), TensorType.F32, shape));
        for (int pass = 0; passes > 1 && pass < passes; pass++) {
          places.add(new Spec(place(pass, name(part, keys)), TensorType.F32, shape));
        }
      }
    }
    working = DeviceTensors.allocate(backend, specs);
    try {
      saved =
          places.isEmpty()
              ? null
              : onDevice
                  ? DeviceTensors.allocate(backend, places)
                  : DeviceTensors.allocateOnHost(backend, places);
    } catch (RuntimeException e) {
      working.close();
      throw e;
    }
  }

  private List<String> parts() {
    List<String> parts = new ArrayList<>(VALUES);
    parts.addAll(training ? GRADIENTS : List.of());
    return parts;
  }

  private static String name(String part, SharedKeys keys) {
    return part + " of layer " + keys.source();
  }

  private static String place(int pass, String name) {
    return "pass %s, %s".formatted(pass, name);
  }

  boolean hasGradients() {
    return training;
  }

  /// The tensors that graphs compute with.
  Tensor keys(SharedKeys shared) {
    return working.get(name(VALUES.getFirst(), shared));
  }

  Tensor values(SharedKeys shared) {
    return working.get(name(VALUES.getLast(), shared));
  }

  Tensor keyGradient(SharedKeys shared) {
    return working.get(name(GRADIENTS.getFirst(), shared));
  }

  Tensor valueGradient(SharedKeys shared) {
    return working.get(name(GRADIENTS.getLast(), shared));
  }

  /// Brings back what a layer's forward or backward reads of a pass, after others had their turn.
  void restore(int pass, int layer, boolean backward) {
    config.layer(layer).sharedKeys().ifPresent(keys -> restore(pass, keys, backward));
  }

  private void restore(int pass, SharedKeys keys, boolean backward) {
    if (saved == null) {
      return;
    }
    List<String> read = new ArrayList<>(keys.lent() ? List.of() : VALUES);
    read.addAll(backward ? GRADIENTS : List.of());
    for (String part : read) {
      String name = name(part, keys);
      saved.get(place(pass, name)).copyTo(working.get(name));
    }
  }

  /// Keeps what a layer's forward or backward wrote of a pass.
  void save(int pass, int layer, boolean backward) {
    config.layer(layer).sharedKeys().ifPresent(keys -> save(pass, keys, backward));
  }

  private void save(int pass, SharedKeys keys, boolean backward) {
    if (saved == null || keys.lent() == backward) {
      return;
    }
    for (String part : backward ? GRADIENTS : parts()) {
      String name = name(part, keys);
      working.get(name).copyTo(saved.get(place(pass, name)));
    }
  }

  /// Bytes of the device's memory.
  long deviceBytes() {
    return working.bytes() + (saved != null && onDevice ? saved.bytes() : 0);
  }

  /// Bytes of the host's memory.
  long hostBytes() {
    return saved != null && !onDevice ? saved.bytes() : 0;
  }

  @Override
  public void close() {
    if (saved != null) {
      saved.close();
    }
    working.close();
  }
}
