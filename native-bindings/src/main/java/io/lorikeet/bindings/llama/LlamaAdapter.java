package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeLog;
import io.lorikeet.bindings.NativeResources;
import io.lorikeet.llama.Llama;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A LoRA adapter loaded by libllama for one model. Closing it takes it out of the contexts that
/// use it.
public final class LlamaAdapter implements AutoCloseable {
  private static final String KIND = "llama adapter";

  /// An adapter to apply, and what its change of the weights is multiplied by, beside its own alpha
  /// / rank.
  public record Scaled(LlamaAdapter adapter, float scale) {}

  private final LlamaModel model;
  private final Path file;
  private @Nullable MemorySegment handle;

  private LlamaAdapter(LlamaModel model, Path file, MemorySegment handle) {
    this.model = model;
    this.file = file;
    this.handle = handle;
  }

  /// Loads a GGUF adapter whose tensors fit the model's.
  ///
  /// @throws GgmlException with llama.cpp's reason, when it can't load the file
  public static LlamaAdapter load(LlamaModel model, Path file) {
    if (model.options().vocabularyOnly()) {
      throw new IllegalArgumentException("of " + model.file() + " only the vocabulary is loaded");
    }
    AdapterCheck.check(file, model.file());
    try (Arena arena = Arena.ofConfined();
        NativeLog.Errors errors = NativeLog.captureErrors()) {
      MemorySegment adapter =
          Llama.llama_adapter_lora_init(model.handle(), arena.allocateFrom(file.toString()));
      if (adapter.equals(MemorySegment.NULL)) {
        throw new GgmlException("llama.cpp can't load the adapter " + file + errors.text());
      }
      NativeResources.opened(KIND);
      LlamaAdapter result = new LlamaAdapter(model, file, adapter);
      model.own(result);
      return result;
    }
  }

  /// The model it was loaded for.
  public LlamaModel model() {
    return model;
  }

  /// The file it was loaded from.
  public Path file() {
    return file;
  }

  /// The tokens that it acts from; empty for one that always does.
  public Optional<Invocation> invocation() {
    long count = Llama.llama_adapter_get_alora_n_invocation_tokens(handle());
    if (count == 0) {
      return Optional.empty();
    }
    int[] tokens =
        Llama.llama_adapter_get_alora_invocation_tokens(handle())
            .reinterpret(count * Integer.BYTES)
            .toArray(ValueLayout.JAVA_INT);
    return Optional.of(new Invocation(Arrays.stream(tokens).boxed().toList()));
  }

  /// This adapter with a scale; 1 applies it as it was trained.
  public Scaled scaledBy(float scale) {
    return new Scaled(this, scale);
  }

  MemorySegment handle() {
    if (handle == null) {
      throw new IllegalStateException("the adapter " + file + " is closed");
    }
    return handle;
  }

  @Override
  public void close() {
    if (handle == null) {
      return;
    }
    model.contexts().forEach(context -> context.forget(this));
    model.disown(this);
    Llama.llama_adapter_lora_free(handle);
    handle = null;
    NativeResources.closed(KIND);
  }
}
