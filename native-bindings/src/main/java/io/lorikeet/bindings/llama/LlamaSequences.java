package io.lorikeet.bindings.llama;

import io.lorikeet.bindings.GgmlException;
import io.lorikeet.llama.Llama;
import io.lorikeet.llama.llama_batch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/// A model at work on several sequences of tokens at once: each goes on from the tokens it was
/// given before, and sees none of the others'. Not for use by several threads at once.
///
/// The products of a batch are computed by other kernels than those of a single token, so logits
/// differ from [LlamaContext]'s by rounding.
public final class LlamaSequences implements AutoCloseable {
  /// llama.cpp rounds a sequence's tokens up to a multiple of this (GGML_PAD in llama-context.cpp).
  private static final int STRIDE = 256;

  private final LlamaContext context;
  private final int longest;
  private final int[] lengths;
  private final int[] adaptedFrom;
  private final MemorySegment positions;
  private final MemorySegment owners;
  private final MemorySegment ownerCounts;
  private final MemorySegment ownerPointers;

  /// Tokens that go on one sequence.
  ///
  /// @param sequence from 0
  /// @param tokens at least one
  public record Part(int sequence, int[] tokens) {}

  private LlamaSequences(LlamaContext context, int sequences, int longest) {
    this.context = context;
    this.longest = longest;
    lengths = new int[sequences];
    adaptedFrom = new int[sequences];
    int batch = context.batch();
    positions = context.allocate(ValueLayout.JAVA_INT, batch);
    owners = context.allocate(ValueLayout.JAVA_INT, batch);
    ownerCounts = context.allocate(ValueLayout.JAVA_INT, batch);
    ownerPointers = context.allocate(ValueLayout.ADDRESS, batch);
    for (int i = 0; i < batch; i++) {
      ownerCounts.setAtIndex(ValueLayout.JAVA_INT, i, 1);
      ownerPointers.setAtIndex(
          ValueLayout.ADDRESS, i, owners.asSlice((long) i * Integer.BYTES, Integer.BYTES));
    }
  }

  /// Opens a context for several sequences.
  ///
  /// @param sequences how many
  /// @param longest tokens that each can remember
  /// @param batch tokens to compute at once, see [LlamaContext#create]
  /// @param threads threads to compute with, from 1 to 512
  /// @throws GgmlException when the memory can't be had
  public static LlamaSequences create(
      LlamaModel model, int sequences, int longest, int batch, int threads) {
    int most = (int) Llama.llama_max_parallel_sequences();
    if (sequences < 1 || sequences > most || longest < 1) {
      throw new IllegalArgumentException(
          sequences + " sequences of " + longest + " tokens; there can be from 1 to " + most);
    }
    LlamaContext context =
        LlamaContext.create(
            model,
            sequences,
            Math.toIntExact(remembered(sequences, longest)),
            batch,
            threads,
            MemorySegment.NULL);
    return new LlamaSequences(context, sequences, longest);
  }

  /// Tokens that llama.cpp makes room for.
  ///
  /// @param longest tokens that each sequence can remember
  public static long remembered(int sequences, int longest) {
    return sequences * (long) ((longest + STRIDE - 1) / STRIDE * STRIDE);
  }

  /// How many sequences there are.
  public int count() {
    return lengths.length;
  }

  /// Tokens that a sequence can take yet.
  public int room(int sequence) {
    return longest - lengths[sequence];
  }

  /// Applies these adapters and no others from now on, and forgets all sequences.
  public void setAdapters(LlamaAdapter.Scaled... adapters) {
    context.setAdapters(adapters);
    Arrays.fill(lengths, 0);
    Arrays.fill(adaptedFrom, 0);
  }

  /// Has an activated adapter act on a sequence without tokens as [LlamaContext#activate] tells.
  public void activate(int sequence, int[] prompt) {
    adaptedFrom[sequence] = context.firstAdapted(prompt);
  }

  /// Forgets a sequence's tokens.
  public void forget(int sequence) {
    Llama.llama_memory_seq_rm(Llama.llama_get_memory(context.handle()), sequence, -1, -1);
    lengths[sequence] = 0;
  }

  /// Reads tokens on, each part on its sequence, and returns the likeliest token after each part.
  ///
  /// @param parts of different sequences
  /// @throws GgmlException when the computation fails; all sequences are forgotten then
  /// @throws UnusableModelException when a logit is NaN or infinite
  public int[] likeliest(List<Part> parts) {
    for (Part part : parts) {
      if (part.tokens().length == 0 || part.tokens().length > room(part.sequence())) {
        throw new IllegalArgumentException(
            "%s tokens for sequence %s, which has room for %s"
                .formatted(part.tokens().length, part.sequence(), room(part.sequence())));
      }
    }
    int[] chosen = new int[parts.size()];
    int[] unadapted =
        parts.stream().mapToInt(p -> adaptedFrom[p.sequence()] - lengths[p.sequence()]).toArray();
    if (Arrays.stream(unadapted).anyMatch(count -> count > 0)) {
      context.apply(false);
      likeliest(parts, (part, i) -> i < unadapted[part], chosen);
    }
    context.apply(true);
    likeliest(parts, (part, i) -> i >= unadapted[part], chosen);
    return chosen;
  }

  /// Tells tokens apart by the index of their part and theirs in it.
  @FunctionalInterface
  private interface TokenPredicate {
    boolean test(int part, int token);
  }

  /// Reads some tokens on.
  private void likeliest(List<Part> parts, TokenPredicate wanted, int[] chosen) {
    int[] partOf = new int[context.batch()]; // which part ends at a place of the batch, or -1
    int count = 0;
    for (int index = 0; index < parts.size(); index++) {
      Part part = parts.get(index);
      for (int i = 0; i < part.tokens().length; i++) {
        if (!wanted.test(index, i)) {
          continue;
        }
        boolean last = i + 1 == part.tokens().length;
        place(count, part, i, last);
        partOf[count++] = last ? index : -1;
        if (count == context.batch()) {
          compute(count, partOf, chosen);
          count = 0;
        }
      }
    }
    if (count > 0) {
      compute(count, partOf, chosen);
    }
  }

  private void place(int at, Part part, int index, boolean last) {
    context.batchTokens().setAtIndex(ValueLayout.JAVA_INT, at, part.tokens()[index]);
    context.batchOutputs().set(ValueLayout.JAVA_BYTE, at, (byte) (last ? 1 : 0));
    positions.setAtIndex(ValueLayout.JAVA_INT, at, lengths[part.sequence()]++);
    owners.setAtIndex(ValueLayout.JAVA_INT, at, part.sequence());
  }

  private void compute(int count, int[] partOf, int[] chosen) {
    context.compute(
        count,
        batch -> {
          llama_batch.pos(batch, positions);
          llama_batch.n_seq_id(batch, ownerCounts);
          llama_batch.seq_id(batch, ownerPointers);
        });
    for (int place = 0; place < count; place++) {
      if (partOf[place] >= 0) {
        MemorySegment logits = context.logitsOf(place);
        context.requireNumbers(logits);
        chosen[partOf[place]] = largest(logits);
      }
    }
  }

  /// The first of the largest, as llama.cpp's greedy sampler takes it.
  private static int largest(MemorySegment logits) {
    int best = 0;
    float most = Float.NEGATIVE_INFINITY;
    int count = (int) (logits.byteSize() / Float.BYTES);
    for (int token = 0; token < count; token++) {
      float logit = logits.getAtIndex(ValueLayout.JAVA_FLOAT, token);
      if (logit > most) {
        most = logit;
        best = token;
      }
    }
    return best;
  }

  @Override
  public void close() {
    context.close();
  }
}
