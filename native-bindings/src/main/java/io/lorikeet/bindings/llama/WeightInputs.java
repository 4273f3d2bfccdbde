package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeResources;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_backend_sched_eval_callback;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Passes on what weights are multiplied with, token by token. Weights of experts are left out.
///
/// Not for use by several threads at once.
public final class WeightInputs implements GraphObserver {
  private static final String KIND = "weight inputs";

  /// Takes the inputs.
  public interface Consumer {
    /// @param weight name of the weight
    /// @param rows its inputs: `width` numbers for each token, in their order
    void accept(String weight, float[] rows, int width);

    /// A weight is multiplied with the very tensor that another was just multiplied with.
    void same(String weight, String as);
  }

  private final Arena arena = Arena.ofShared();
  private final MemorySegment callback;
  private final Set<String> wanted;
  private final Consumer consumer;
  private String last = "";
  private MemorySegment lastInput = MemorySegment.NULL;
  private @Nullable Throwable failure;

  /// @param wanted names of weights
  public WeightInputs(Set<String> wanted, Consumer consumer) {
    this.wanted = Set.copyOf(wanted);
    this.consumer = consumer;
    callback = ggml_backend_sched_eval_callback.allocate(this::observe, arena);
    NativeResources.opened(KIND);
  }

  @Override
  public MemorySegment callback() {
    return callback;
  }

  /// To be asked after each computation, and before the next.
  ///
  /// @throws GgmlException when something went wrong on the way
  public void check() {
    last = "";
    lastInput = MemorySegment.NULL;
    if (failure != null) {
      throw new GgmlException("the inputs of weights couldn't be read: " + failure);
    }
  }

  /// Called from native code, so that nothing may be thrown out of it; see [ActivationSums].
  private boolean observe(MemorySegment address, boolean asks, MemorySegment userData) {
    try {
      MemorySegment node = address.reinterpret(ggml_tensor.sizeof());
      if (asks) {
        return failure == null && matters(node);
      }
      take(node);
      return true;
    } catch (Throwable e) {
      failure = e;
      return false;
    }
  }

  private boolean matters(MemorySegment node) {
    return ggml_tensor.op(node) == Ggml.GGML_OP_MUL_MAT()
        && ggml_tensor.type(ActivationSums.source(node, 1)) == TensorType.F32.id()
        && wanted.contains(ActivationSums.name(ActivationSums.source(node, 0)));
  }

  private void take(MemorySegment node) {
    MemorySegment input = ActivationSums.source(node, 1);
    String weight = ActivationSums.name(ActivationSums.source(node, 0));
    if (input.address() == lastInput.address()) {
      consumer.same(weight, last);
      return;
    }
    last = weight;
    lastInput = input;
    int width = Math.toIntExact(ggml_tensor.ne(input, 0));
    int count = Math.toIntExact(ggml_tensor.ne(input, 1) * ggml_tensor.ne(input, 2));
    if (ggml_tensor.ne(input, 3) != 1
        || ggml_tensor.nb(input, 2) != ggml_tensor.ne(input, 1) * ggml_tensor.nb(input, 1)) {
      throw new IllegalStateException("the input of " + weight + " isn't a list of tokens");
    }
    try (Arena call = Arena.ofConfined()) {
      MemorySegment data = ActivationSums.copy(input, call);
      float[] rows = new float[Math.multiplyExact(width, count)];
      for (int i = 0; i < count; i++) {
        long at = i * ggml_tensor.nb(input, 1);
        MemorySegment.copy(data, ValueLayout.JAVA_FLOAT, at, rows, i * width, width);
      }
      consumer.accept(weight, rows, width);
    }
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      NativeResources.closed(KIND);
    }
  }
}
