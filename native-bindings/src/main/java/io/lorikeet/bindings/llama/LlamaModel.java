package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeLibrary;
import io.lorikeet.bindings.NativeLog;
import io.lorikeet.bindings.NativeResources;
import io.lorikeet.llama.Llama;
import io.lorikeet.llama.llama_model_params;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A model loaded by libllama, of any architecture that llama.cpp knows.
///
/// It owns its contexts and adapters: closing it closes those that are still open, the last one
/// first.
public final class LlamaModel implements AutoCloseable {
  private static final String KIND = "llama model";

  /// How to load a model.
  ///
  /// @param vocabularyOnly only metadata and vocabulary, enough to tokenize; no tensor is read
  /// @param gpuLayers layers to put on GPUs, the head counting as one; 0 keeps all on the CPU, -1
  ///     takes all to a GPU
  /// @param useExtraBuffers lets the CPU copy weights into a layout it multiplies faster; without
  ///     it they stay in the mapped file
  /// @param mapped maps the file; without it all weights are read into memory of their own, as a
  ///     file needs whose tensors don't begin at multiples of 32 bytes
  public record Options(
      boolean vocabularyOnly, int gpuLayers, boolean useExtraBuffers, boolean mapped) {
    /// Only what is needed to tokenize.
    public static final Options VOCABULARY = new Options(true, 0, false);

    /// Everything, on the CPU.
    public static final Options CPU = new Options(false, 0, true);

    public Options {
      if (gpuLayers < -1) {
        throw new IllegalArgumentException(
            "a number of GPU layers is at least -1, not " + gpuLayers);
      }
    }

    /// From a mapped file.
    public Options(boolean vocabularyOnly, int gpuLayers, boolean useExtraBuffers) {
      this(vocabularyOnly, gpuLayers, useExtraBuffers, true);
    }

    /// The same, with all weights read into memory.
    public Options unmapped() {
      return new Options(vocabularyOnly, gpuLayers, useExtraBuffers, false);
    }
  }

  private final Path file;
  private final Options options;
  private final LlamaVocabulary vocabulary;
  private final Deque<AutoCloseable> dependents = new ArrayDeque<>();
  private volatile @Nullable MemorySegment handle;

  private LlamaModel(Path file, Options options, MemorySegment handle) {
    this.file = file;
    this.options = options;
    this.handle = handle;
    vocabulary = new LlamaVocabulary(this);
  }

  /// Loads a GGUF file; of a split model, its first file.
  ///
  /// The caller has validated the file: libllama ends the process on metadata and on types of
  /// tensors that it doesn't expect, and on two tokens with the same text.
  ///
  /// @throws GgmlException with llama.cpp's reason, when it can't load the file
  public static LlamaModel load(Path file, Options options) {
    NativeLibrary.load();
    try (Arena arena = Arena.ofConfined();
        NativeLog.Errors errors = NativeLog.captureErrors()) {
      MemorySegment params = Llama.llama_model_default_params(arena);
      llama_model_params.vocab_only(params, options.vocabularyOnly());
      llama_model_params.n_gpu_layers(params, options.gpuLayers());
      llama_model_params.use_extra_bufts(params, options.useExtraBuffers());
      if (!options.mapped()) {
        llama_model_params.load_mode(params, Llama.LLAMA_LOAD_MODE_NONE());
      }
      if (options.gpuLayers() == 0) {
        // Without this, a GPU would still be given the large products of weights that stay in host
        // memory.
        llama_model_params.split_mode(params, Llama.LLAMA_SPLIT_MODE_NONE());
        llama_model_params.main_gpu(params, -1);
      }
      MemorySegment model =
          Llama.llama_model_load_from_file(arena.allocateFrom(file.toString()), params);
      if (model.equals(MemorySegment.NULL)) {
        throw new GgmlException("llama.cpp can't load " + file + errors.text());
      }
      NativeResources.opened(KIND);
      return new LlamaModel(file, options, model);
    }
  }

  /// The file it was loaded from.
  public Path file() {
    return file;
  }

  /// The options it was loaded with.
  public Options options() {
    return options;
  }

  /// Its vocabulary, which is usable while the model is open.
  public LlamaVocabulary vocabulary() {
    return vocabulary;
  }

  /// llama.cpp's description, such as `llama 1B Q4_0`; empty when only the vocabulary is loaded.
  public String description() {
    return NativeText.read((buffer, size) -> Llama.llama_model_desc(handle(), buffer, size))
        .orElse("");
  }

  /// Width of the hidden state; 0 when only the vocabulary is loaded, as for the other numbers.
  public int embeddingLength() {
    return Llama.llama_model_n_embd(handle());
  }

  /// Number of layers.
  public int layers() {
    return Llama.llama_model_n_layer(handle());
  }

  /// Tokens of the longest text the model was trained on.
  public int contextLength() {
    return Llama.llama_model_n_ctx_train(handle());
  }

  /// Elements of all tensors.
  public long parameters() {
    return Llama.llama_model_n_params(handle());
  }

  /// A metadata value as text; arrays and what isn't there are empty.
  public Optional<String> metadata(String key) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(key);
      return NativeText.read(
          (buffer, size) -> Llama.llama_model_meta_val_str(handle(), name, buffer, size));
    }
  }

  MemorySegment handle() {
    MemorySegment open = handle;
    if (open == null) {
      throw new IllegalStateException("the model " + file + " is closed");
    }
    return open;
  }

  synchronized void own(AutoCloseable dependent) {
    dependents.push(dependent);
  }

  synchronized void disown(AutoCloseable dependent) {
    dependents.remove(dependent);
  }

  /// The open contexts, which may use an adapter that is about to be freed.
  synchronized List<LlamaContext> contexts() {
    return dependents.stream()
        .filter(LlamaContext.class::isInstance)
        .map(LlamaContext.class::cast)
        .toList();
  }

  /// Frees it, and first all contexts and adapters of it that are still open.
  @Override
  public synchronized void close() {
    if (handle == null) {
      return;
    }
    while (!dependents.isEmpty()) {
      switch (dependents.peek()) {
        case LlamaContext context -> context.close();
        case LlamaAdapter adapter -> adapter.close();
        case AutoCloseable other -> throw new IllegalStateException("a model doesn't own " + other);
      }
    }
    Llama.llama_model_free(handle);
    handle = null;
    NativeResources.closed(KIND);
  }
}
