package io.lorikeet.models.architecture;

import io.lorikeet.bindings.Backend;
import io.lorikeet.bindings.DeviceTensors;
import io.lorikeet.bindings.DeviceTensors.Spec;
import io.lorikeet.bindings.Graph;
import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The hidden states between layers, `[embedding, tokens]` each, and the gradient that goes back
/// through them. State i is the input of layer i; the last one goes to the head.
///
/// Either all states stay where they were computed, or two tensors take turns and each state is
/// saved elsewhere until backward asks for it.
final class HiddenStates implements AutoCloseable {
  private final boolean allStay;
  private final boolean onDevice;
  private final int states;
  private final int savedStates;
  private final DeviceTensors working;
  private @Nullable DeviceTensors saved;
  private @Nullable Conversion conversion;

  /// Two graphs from F32 to the type that states are saved in, and back.
  private static final class Conversion implements AutoCloseable {
    private final DeviceTensors tensors;
    private final Tensor staged;
    private final Tensor from;
    private final Tensor to;
    private final Graph pack;
    private final Graph unpack;

    Conversion(Backend backend, Shape shape, TensorType type, Tensor state) {
      tensors = DeviceTensors.allocate(backend, List.of(new Spec("staged", type, shape)));
      staged = tensors.get("staged");
      Ops packing = new Ops();
      from = packing.placeholder("state", TensorType.F32, shape);
      packing.schedule(packing.copy(from, packing.constant(staged)));
      pack = new Graph("saving a state", backend, packing);
      Ops unpacking = new Ops();
      to = unpacking.placeholder("state", TensorType.F32, shape);
      unpacking.schedule(unpacking.copy(unpacking.constant(staged), to));
      unpack = new Graph("bringing back a state", backend, unpacking);
      pack.bind(from, state);
      unpack.bind(to, state);
    }

    void save(Tensor state, Tensor place) {
      pack.bind(from, state);
      pack.compute();
      staged.copyTo(place);
    }

    void restore(Tensor place, Tensor state) {
      place.copyTo(staged);
      unpack.bind(to, state);
      unpack.compute();
    }

    @Override
    public void close() {
      unpack.close();
      pack.close();
      tensors.close();
    }
  }

  /// @param shape of a state
  /// @param states how many states a pass has, or 0 where none is needed again
  /// @param passes passes whose states are kept at a time
  HiddenStates(Backend backend, Shape shape, int states, int passes, SavedInputs storage) {
    this.states = states;
    onDevice = storage.onDevice();
    // A single pass's last state is still there when it is wanted.
    savedStates = passes == 1 ? states - 1 : states;
    allStay = states > 0 && passes == 1 && storage == SavedInputs.DEVICE;
    List<Spec> specs = new ArrayList<>();
    for (int i = 0; i < (allStay ? states : 2); i++) {
      specs.add(new Spec("state " + i, TensorType.F32, shape));
    }
    if (allStay) {
      specs.add(new Spec("gradient", TensorType.F32, shape));
    }
    working = DeviceTensors.allocate(backend, specs);
    try {
      if (states > 0 && !allStay) {
        List<Spec> places = places(shape, savedStates, passes, storage.type());
        saved =
            onDevice
                ? DeviceTensors.allocate(backend, places)
                : DeviceTensors.allocateOnHost(backend, places);
        if (storage.type() != TensorType.F32) {
          conversion = new Conversion(backend, shape, storage.type(), state(0));
        }
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private static List<Spec> places(Shape shape, int states, int passes, TensorType type) {
    List<Spec> specs = new ArrayList<>();
    for (int pass = 0; pass < passes; pass++) {
      for (int i = 0; i < states; i++) {
        specs.add(new Spec(place(pass, i), type, shape));
      }
      if (passes > 1) {
        specs.add(new Spec(gradientPlace(pass), TensorType.F32, shape));
      }
    }
    return specs;
  }

  private static String place(int pass, int index) {
    return "pass %s, state %s".formatted(pass, index);
  }

  private static String gradientPlace(int pass) {
    return "pass %s, gradient".formatted(pass);
  }

  /// Graphs that want scratch memory.
  List<Graph> graphs() {
    return conversion == null ? List.of() : List.of(conversion.pack, conversion.unpack);
  }

  /// Where state `index` is computed, and read right after.
  Tensor state(int index) {
    return working.get("state " + (allStay ? index : index % 2));
  }

  /// The gradient of the state that backward has come to. Where two tensors take turns it is the
  /// one that the last state isn't in.
  Tensor gradient() {
    return allStay ? working.get("gradient") : state(states);
  }

  /// Keeps state `index` of a pass, which has just been computed.
  void save(int pass, int index) {
    if (index >= savedStates) {
      return;
    }
    if (saved != null) {
      Tensor place = saved.get(place(pass, index));
      if (conversion != null) {
        conversion.save(state(index), place);
      } else {
        state(index).copyTo(place);
      }
    }
  }

  /// State `index` of a pass as it was saved, for forward to go on from.
  Tensor restore(int pass, int index) {
    return restore(pass, index, state(index));
  }

  /// State `index` of a pass as it was saved, beside the gradient.
  Tensor restoreForBackward(int pass, int index) {
    return restore(pass, index, allStay ? state(index) : state(states - 1));
  }

  private Tensor restore(int pass, int index, Tensor target) {
    if (index < savedStates && saved != null) {
      Tensor place = saved.get(place(pass, index));
      if (conversion != null) {
        conversion.restore(place, target);
      } else {
        place.copyTo(target);
      }
    }
    return target;
  }

  /// Keeps the gradient that backward has come to in a pass, while it goes on with another.
  void saveGradient(int pass) {
    gradient().copyTo(savedGradient(pass));
  }

  /// The gradient of a pass as it was saved.
  Tensor restoreGradient(int pass) {
    savedGradient(pass).copyTo(gradient());
    return gradient();
  }

  private Tensor savedGradient(int pass) {
    return Objects.requireNonNull(saved, "states of several passes are saved")
        .get(gradientPlace(pass));
  }

  /// Bytes of the device's memory.
  long deviceBytes() {
    return working.bytes()
        + (conversion == null ? 0 : conversion.tensors.bytes())
        + (saved != null && onDevice ? saved.bytes() : 0);
  }

  /// Bytes of the host's memory.
  long hostBytes() {
    return saved != null && !onDevice ? saved.bytes() : 0;
  }

  @Override
  public void close() {
    if (conversion != null) {
      conversion.close();
    }
    if (saved != null) {
      saved.close();
    }
    working.close();
  }
}
