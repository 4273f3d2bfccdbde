package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.bindings.NativeLog;
import io.lorikeet.bindings.NativeResources;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.llama.Llama;
import io.lorikeet.llama.llama_batch;
import io.lorikeet.llama.llama_context_params;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/// A model at work on one sequence of tokens: what was decoded is remembered, and what comes next
/// continues it.
///
/// It computes as exactly as llama.cpp can: the KV cache is F32 and flash attention is off. With
/// quantized weights llama.cpp still rounds activations to 8 bits. Not for use by several threads
/// at once.
public final class LlamaContext implements AutoCloseable {
  /// Receives the logits of one token.
  @FunctionalInterface
  public interface LogitsConsumer {
    /// @param index index of the token among those that were passed
    /// @param logits one float for each token of the vocabulary, gone when the call returns
    void accept(int index, MemorySegment logits);
  }

  private static final String KIND = "llama context";

  /// Logits held at a time, twice: once where they are computed and once where they are read.
  private static final int MAX_LOGITS = 1 << 24;

  /// Parameters from which a single token is worth more than one thread. ggml's threads wait for
  /// each other actively, after every operation: for smaller models that takes longer than the
  /// operations, and where other programs are busy a hundred times as long.
  private static final long WORTH_SEVERAL_THREADS = 10_000_000;

  private static final int MAX_THREADS = 512; // GGML_MAX_N_THREADS

  private final LlamaModel model;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment handle;
  private final int contextLength;
  private final int batch;
  private final MemorySegment batchTokens;
  private final MemorySegment batchOutputs;
  private final ComputeThread thread = new ComputeThread();
  private List<LlamaAdapter.Scaled> adapters = List.of();

  /// The adapters that are applied now, or none before an activated one acts.
  private List<LlamaAdapter.Scaled> applied = List.of();

  private int adaptedFrom;
  private int length;
  private boolean hasLogits;
  private boolean open = true;

  private LlamaContext(LlamaModel model, int contextLength, int batch, MemorySegment handle) {
    this.model = model;
    this.contextLength = contextLength;
    this.batch = batch;
    this.handle = handle;
    batchTokens = arena.allocate(ValueLayout.JAVA_INT, batch);
    batchOutputs = arena.allocate(ValueLayout.JAVA_BYTE, batch);
  }

  /// Opens a context.
  ///
  /// @param contextLength tokens it can remember
  /// @param batch tokens to compute at once; fewer are where their logits would be more than 64 MiB
  /// @param threads threads to compute with, from 1 to 512; a small model computes single tokens
  ///     with one
  /// @throws GgmlException when the memory can't be had
  public static LlamaContext create(LlamaModel model, int contextLength, int batch, int threads) {
    return create(model, 1, contextLength, batch, threads, MemorySegment.NULL);
  }

  /// As [#create], with somebody who sees what is computed.
  ///
  /// @param observer to be closed after the context
  public static LlamaContext create(
      LlamaModel model, int contextLength, int batch, int threads, GraphObserver observer) {
    return create(model, 1, contextLength, batch, threads, observer.callback());
  }

  /// @param sequences that share the context's tokens evenly
  static LlamaContext create(
      LlamaModel model,
      int sequences,
      int contextLength,
      int batch,
      int threads,
      MemorySegment observer) {
    int size = Math.min(batch(batch, model.vocabulary().size()), contextLength);
    return create(model, sequences, contextLength, size, threads, observer, OptionalInt.empty());
  }

  /// @param size tokens to compute at once
  /// @param pooling of embeddings, see [LlamaEmbeddings#create]; empty for logits
  static LlamaContext create(
      LlamaModel model,
      int sequences,
      int contextLength,
      int size,
      int threads,
      MemorySegment observer,
      OptionalInt pooling) {
    if (contextLength < 1 || size < 1 || threads < 1 || threads > MAX_THREADS) {
      throw new IllegalArgumentException(
          "a context of "
              + contextLength
              + " tokens, "
              + size
              + " at once, with "
              + threads
              + " threads");
    }
    if (model.options().vocabularyOnly()) {
      throw new IllegalArgumentException("of " + model.file() + " only the vocabulary is loaded");
    }
    try (Arena arena = Arena.ofConfined();
        NativeLog.Errors errors = NativeLog.captureErrors()) {
      MemorySegment params = Llama.llama_context_default_params(arena);
      llama_context_params.n_ctx(params, contextLength);
      llama_context_params.n_seq_max(params, sequences);
      llama_context_params.n_batch(params, size);
      llama_context_params.n_ubatch(params, size);
      boolean small = model.parameters() < WORTH_SEVERAL_THREADS;
      llama_context_params.n_threads(params, small ? 1 : threads); // for a single token
      llama_context_params.n_threads_batch(params, threads);
      llama_context_params.type_k(params, TensorType.F32.id());
      llama_context_params.type_v(params, TensorType.F32.id());
      llama_context_params.flash_attn_type(params, Llama.LLAMA_FLASH_ATTN_TYPE_DISABLED());
      boolean gpu = model.options().gpuLayers() != 0;
      llama_context_params.offload_kqv(params, gpu);
      llama_context_params.op_offload(params, gpu);
      llama_context_params.cb_eval(params, observer);
      if (pooling.isPresent()) {
        llama_context_params.embeddings(params, true);
        llama_context_params.pooling_type(params, pooling.getAsInt());
      }
      MemorySegment context = Llama.llama_init_from_model(model.handle(), params);
      if (context.equals(MemorySegment.NULL)) {
        throw new GgmlException(
            "llama.cpp can't open a context of "
                + contextLength
                + " tokens for "
                + model.file()
                + errors.text());
      }
      NativeResources.opened(KIND);
      LlamaContext result = new LlamaContext(model, contextLength, size, context);
      model.own(result);
      return result;
    }
  }

  /// Tokens that are computed at once where so many are asked for: no more than have room for
  /// their logits.
  public static int batch(int asked, int vocabulary) {
    return Math.min(asked, Math.max(1, MAX_LOGITS / vocabulary));
  }

  /// The model at work.
  public LlamaModel model() {
    return model;
  }

  /// Tokens it can remember.
  public int contextLength() {
    return contextLength;
  }

  /// Tokens it remembers.
  public int length() {
    return length;
  }

  /// Forgets all tokens.
  public void clear() {
    Llama.llama_memory_clear(Llama.llama_get_memory(handle()), false);
    length = 0;
    hasLogits = false;
  }

  /// Forgets all tokens but the first `count`, whose computation can be used again; or all, where
  /// the model's kind of memory can't forget a part (recurrent ones).
  ///
  /// @return how many it still remembers
  public int keep(int count) {
    if (count < 0 || count > length) {
      throw new IllegalArgumentException(count + " of " + length + " tokens can't be kept");
    }
    MemorySegment memory = Llama.llama_get_memory(handle());
    if (count == 0 || !Llama.llama_memory_seq_rm(memory, 0, count, -1)) {
      clear();
    } else {
      length = count;
      hasLogits = false;
    }
    return length;
  }

  /// Applies these adapters and no others from now on, and forgets all tokens, which were computed
  /// without them. An activated one acts on all tokens until [#activate] says otherwise.
  ///
  /// @throws GgmlException when they can't be applied together
  public void setAdapters(LlamaAdapter.Scaled... adapters) {
    setAdapters(List.of(adapters));
  }

  private void setAdapters(List<LlamaAdapter.Scaled> wanted) {
    for (LlamaAdapter.Scaled scaled : wanted) {
      LlamaAdapter adapter = scaled.adapter();
      if (adapter.model() != model) {
        throw new IllegalArgumentException(adapter.file() + " was loaded for another model");
      }
      if (wanted.size() > 1 && adapter.invocation().isPresent()) {
        throw new GgmlException(
            adapter.file()
                + " acts only from certain tokens on; llama.cpp takes no other adapter beside it");
      }
    }
    clear();
    apply(wanted);
    adapters = wanted;
    adaptedFrom = 0;
  }

  private void apply(List<LlamaAdapter.Scaled> wanted) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment handles = call.allocate(ValueLayout.ADDRESS, Math.max(1, wanted.size()));
      MemorySegment scales = call.allocate(ValueLayout.JAVA_FLOAT, Math.max(1, wanted.size()));
      for (int i = 0; i < wanted.size(); i++) {
        handles.setAtIndex(ValueLayout.ADDRESS, i, wanted.get(i).adapter().handle());
        scales.setAtIndex(ValueLayout.JAVA_FLOAT, i, wanted.get(i).scale());
      }
      int status = Llama.llama_set_adapters_lora(handle(), handles, wanted.size(), scales);
      if (status != 0) {
        throw new GgmlException(
            "llama.cpp can't apply " + wanted.size() + " adapters (status " + status + ")");
      }
    }
    applied = wanted;
  }

  /// Applies the adapters to the tokens that are computed next, or none.
  void apply(boolean on) {
    List<LlamaAdapter.Scaled> wanted = on ? adapters : List.of();
    if (applied != wanted) {
      apply(wanted);
    }
  }

  /// Index of the first token of a prompt that the adapters act on, see [Invocation#firstAdapted];
  /// 0 for adapters that always act.
  public int firstAdapted(int[] prompt) {
    return adapters.stream()
        .flatMap(scaled -> scaled.adapter().invocation().stream())
        .mapToInt(invocation -> invocation.firstAdapted(prompt))
        .findFirst()
        .orElse(0);
  }

  /// Has an activated adapter act from its invocation in a prompt on, or not at all where it isn't
  /// there. Forgets the tokens that were computed otherwise; the prompt is yet to be decoded.
  ///
  /// @param prompt from its first token on
  public void activate(int[] prompt) {
    int from = firstAdapted(prompt);
    if (from != adaptedFrom) {
      keep(Math.min(length, Math.min(from, adaptedFrom)));
      adaptedFrom = from;
    }
  }

  /// Tokens of the next batch, all of which see the same adapters.
  ///
  /// @param left tokens to compute
  private int next(int left) {
    boolean on = length >= adaptedFrom;
    apply(on);
    return Math.min(batch, on ? left : Math.min(left, adaptedFrom - length));
  }

  /// Stops using an adapter that is about to be freed.
  void forget(LlamaAdapter adapter) {
    List<LlamaAdapter.Scaled> others =
        adapters.stream().filter(scaled -> scaled.adapter() != adapter).toList();
    if (others.size() < adapters.size()) {
      setAdapters(others);
    }
  }

  /// Reads tokens on, and passes the logits after each of them.
  ///
  /// @throws GgmlException when the computation fails; the context has then forgotten all tokens
  /// @throws UnusableModelException when a logit is NaN or infinite
  public void forEachLogits(int[] tokens, LogitsConsumer consumer) {
    requireRoom(tokens);
    long rowBytes = (long) model.vocabulary().size() * Float.BYTES;
    for (int start = 0, count; start < tokens.length; start += count) {
      count = next(tokens.length - start);
      batchOutputs.fill((byte) 1);
      compute(tokens, start, count);
      try (Arena rows = Arena.ofConfined()) {
        MemorySegment logits =
            Llama.llama_get_logits(handle).reinterpret(count * rowBytes, rows, null);
        for (int i = 0; i < count; i++) {
          MemorySegment row = logits.asSlice(i * rowBytes, rowBytes).asReadOnly();
          requireNumbers(row);
          consumer.accept(start + i, row);
        }
      }
    }
  }

  /// Reads tokens on, and computes the logits after the last of them for [#logits] and
  /// [LlamaSampler#sample].
  ///
  /// @throws GgmlException when the computation fails; the context has then forgotten all tokens
  /// @throws UnusableModelException when a logit is NaN or infinite
  public void decode(int... tokens) {
    requireRoom(tokens);
    for (int start = 0, count; start < tokens.length; start += count) {
      count = next(tokens.length - start);
      batchOutputs.fill((byte) 0);
      if (start + count == tokens.length) {
        batchOutputs.set(ValueLayout.JAVA_BYTE, count - 1, (byte) 1);
      }
      compute(tokens, start, count);
    }
    requireNumbers(lastLogits());
  }

  /// The logits after the last token, one for each token of the vocabulary.
  ///
  /// @throws IllegalStateException when no token was decoded
  public float[] logits() {
    requireLogits();
    return lastLogits().toArray(ValueLayout.JAVA_FLOAT);
  }

  private MemorySegment lastLogits() {
    return logitsOf(-1);
  }

  /// The logits after a token of the last batch; -1 for its last one.
  MemorySegment logitsOf(int place) {
    return Llama.llama_get_logits_ith(handle(), place)
        .reinterpret((long) model.vocabulary().size() * Float.BYTES);
  }

  /// Negative infinity is a number here: some models rule out tokens with it.
  void requireNumbers(MemorySegment logits) {
    boolean none = false;
    for (long at = 0; at < logits.byteSize(); at += Float.BYTES) {
      none |= !(logits.get(ValueLayout.JAVA_FLOAT, at) < Float.POSITIVE_INFINITY);
    }
    if (none) {
      clear();
      throw new UnusableModelException(
          "llama.cpp computes numbers with "
              + model.file()
              + " that aren't finite: its weights or settings are too large, or an adapter's are");
    }
  }

  void requireLogits() {
    if (!hasLogits) {
      throw new IllegalStateException("no token was decoded, so there are no logits");
    }
  }

  /// Reads tokens on, all of them at once.
  void computeWhole(int[] tokens) {
    requireRoom(tokens);
    batchOutputs.fill((byte) 1);
    compute(tokens, 0, tokens.length);
  }

  private void compute(int[] tokens, int start, int count) {
    MemorySegment.copy(tokens, start, batchTokens, ValueLayout.JAVA_INT, 0, count);
    compute(count, _ -> {}); // positions and sequence are llama.cpp's to fill in
    length += count;
    hasLogits = true;
  }

  /// Computes the first tokens of [#batchTokens].
  ///
  /// @param places sets the positions and sequences of a `llama_batch`, if they aren't the next
  ///     ones of a single sequence
  void compute(int count, Consumer<MemorySegment> places) {
    thread.call(() -> decode(count, places));
  }

  private Void decode(int count, Consumer<MemorySegment> places) {
    try (Arena call = Arena.ofConfined();
        NativeLog.Errors errors = NativeLog.captureErrors()) {
      MemorySegment tokenBatch = llama_batch.allocate(call);
      tokenBatch.fill((byte) 0);
      llama_batch.n_tokens(tokenBatch, count);
      llama_batch.token(tokenBatch, batchTokens);
      llama_batch.logits(tokenBatch, batchOutputs);
      places.accept(tokenBatch);
      int status = Llama.llama_decode(handle, tokenBatch);
      if (status != 0) {
        clear();
        throw new GgmlException(
            "llama.cpp can't compute " + count + " tokens (status " + status + ")" + errors.text());
      }
    }
    return null;
  }

  private void requireRoom(int[] tokens) {
    handle();
    int vocabulary = model.vocabulary().size();
    if (tokens.length == 0) {
      throw new IllegalArgumentException("there is no token to decode");
    }
    if (tokens.length > contextLength - length) {
      throw new IllegalArgumentException(
          tokens.length
              + " tokens after "
              + length
              + " are more than the context of "
              + contextLength);
    }
    Arrays.stream(tokens)
        .filter(token -> token < 0 || token >= vocabulary)
        .findFirst()
        .ifPresent(
            token -> {
              throw new IllegalArgumentException(
                  "token " + token + " is not in the vocabulary of " + vocabulary);
            });
  }

  /// Tokens that are computed at once.
  int batch() {
    return batch;
  }

  /// The tokens of a batch, and one byte for each that says whether its logits are wanted.
  MemorySegment batchTokens() {
    return batchTokens;
  }

  MemorySegment batchOutputs() {
    return batchOutputs;
  }

  MemorySegment allocate(MemoryLayout layout, int count) {
    return arena.allocate(layout, count);
  }

  MemorySegment handle() {
    if (!open) {
      throw new IllegalStateException("the context is closed");
    }
    return handle;
  }

  @Override
  public void close() {
    if (!open) {
      return;
    }
    open = false;
    model.disown(this);
    thread.close();
    Llama.llama_free(handle);
    arena.close();
    NativeResources.closed(KIND);
  }
}
