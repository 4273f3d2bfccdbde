package io.lorikeet.bindings.llama;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.llama.Llama;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.OptionalInt;

/// A model that gives texts their embeddings, one text at a time. Not for use by several threads at
/// once.
public final class LlamaEmbeddings implements AutoCloseable {
  /// `float * llama_get_embeddings_seq(struct llama_context * ctx, llama_seq_id seq_id)` of
  /// llama.h, which isn't among the generated bindings.
  private static final MethodHandle OF_SEQUENCE =
      Linker.nativeLinker()
          .downcallHandle(
              SymbolLookup.loaderLookup().findOrThrow("llama_get_embeddings_seq"),
              FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));

  private final LlamaContext context;

  private LlamaEmbeddings(LlamaContext context) {
    this.context = context;
  }

  /// Opens a context for embeddings.
  ///
  /// @param longest tokens of a text at most
  /// @param threads threads to compute with, from 1 to 512
  /// @param pooling llama.cpp's number of the pooling (`enum llama_pooling_type`): 1 for the mean
  ///     of a text's states, 3 for its last state
  /// @throws GgmlException when the memory can't be had
  public static LlamaEmbeddings create(LlamaModel model, int longest, int threads, int pooling) {
    return new LlamaEmbeddings(
        LlamaContext.create(
            model, 1, longest, longest, threads, MemorySegment.NULL, OptionalInt.of(pooling)));
  }

  /// Applies these adapters and no others from now on.
  public void setAdapters(LlamaAdapter.Scaled... adapters) {
    context.setAdapters(adapters);
  }

  /// The embedding of a text, not scaled to any length.
  ///
  /// @param tokens with those that the vocabulary wants around a text
  /// @throws GgmlException when the computation fails
  public float[] of(int[] tokens) {
    context.clear();
    context.computeWhole(tokens);
    MemorySegment embedding = ofSequence(context.handle(), 0);
    if (embedding.equals(MemorySegment.NULL)) {
      throw new GgmlException("llama.cpp gives no embedding with " + context.model().file());
    }
    long bytes = (long) Llama.llama_model_n_embd_out(context.model().handle()) * Float.BYTES;
    return embedding.reinterpret(bytes).toArray(JAVA_FLOAT);
  }

  private static MemorySegment ofSequence(MemorySegment context, int sequence) {
    try {
      return (MemorySegment) OF_SEQUENCE.invokeExact(context, sequence);
    } catch (Throwable e) {
      throw new IllegalStateException("llama_get_embeddings_seq() throws nothing", e);
    }
  }

  @Override
  public void close() {
    context.close();
  }
}
