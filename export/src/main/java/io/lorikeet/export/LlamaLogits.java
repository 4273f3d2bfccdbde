package io.lorikeet.export;

import io.lorikeet.bindings.Beta;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;

/// Logits as llama.cpp computes them. Several can share a context: each sequence begins by
/// forgetting what the context holds.
///
/// @param context computes; its length bounds that of the sequences
/// @param adapter applied as it was trained, or none
/// @param prompt tokens of a sequence that are searched for the invocation of an activated adapter
@Beta
public record LlamaLogits(LlamaContext context, Optional<LlamaAdapter> adapter, int prompt)
    implements LogitsSource {

  /// Of sequences that are prompts.
  public LlamaLogits(LlamaContext context, Optional<LlamaAdapter> adapter) {
    this(context, adapter, Integer.MAX_VALUE);
  }

  @Override
  public void forEach(int[] tokens, PositionConsumer consumer) {
    context.setAdapters(
        adapter.stream().map(loaded -> loaded.scaledBy(1)).toArray(LlamaAdapter.Scaled[]::new));
    context.activate(Arrays.copyOf(tokens, Math.min(prompt, tokens.length)));
    stream(context, tokens, consumer);
  }

  /// The logits of a sequence in a context as it is, adapters included.
  static void stream(LlamaContext context, int[] tokens, PositionConsumer consumer) {
    float[] logits = new float[context.model().vocabulary().size()];
    context.forEachLogits(
        tokens,
        (position, row) -> {
          MemorySegment.copy(row, ValueLayout.JAVA_FLOAT, 0, logits, 0, logits.length);
          consumer.accept(position, logits);
        });
  }
}
