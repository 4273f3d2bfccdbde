package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.llama.Llama;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.OptionalInt;

/// A model that gives texts their embeddings, one text at a time. Not for use by several threads at
/// once.
public final class LlamaEmbeddings implements AutoCloseable {
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
    MemorySegment embedding = Llama.llama_get_embeddings_seq(context.handle(), 0);
    if (embedding.equals(MemorySegment.NULL)) {
      throw new GgmlException("llama.cpp gives no embedding with " + context.model().file());
    }
    long bytes = (long) Llama.llama_model_n_embd_out(context.model().handle()) * Float.BYTES;
    return embedding.reinterpret(bytes).toArray(ValueLayout.JAVA_FLOAT);
  }

  @Override
  public void close() {
    context.close();
  }
}
