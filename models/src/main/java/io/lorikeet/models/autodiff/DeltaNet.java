package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The gated delta rule (arXiv 2412.06464), a linear attention whose state S forgets and corrects
/// itself at each token. First S ← decay · S, then S ← S + k · beta · (v - Sᵀ k)ᵀ; the token's
/// result is Sᵀ q. The state begins anew with each example of a row. A state space (Mamba-2, arXiv
/// 2405.21060) is the same without the correction: S ← decay · S + k · vᵀ.
///
/// A chunk of tokens is computed as products: within it each token corrects those before it, a
/// unit lower triangular system; what came before it is in the state at its beginning. Only these
/// states are kept for backward, which computes each chunk again on a tape of its own.
///
/// Decays between two tokens are e to the sum of the logarithms between them, each sum taken on its
/// own, so that nothing overflows and nothing cancels.
///
/// @param rows rows of the batch
/// @param context tokens of a row
/// @param sums F32 `[n, n + 1, n]` for chunks of n tokens: 1 at `[t, j, i]` where j ≤ t ≤ i, else 0
/// @param identity F32 `[n, n]`
/// @param indices F32 `[context]`: 0, 1, 2, …
/// @param seenUntil F32 `[rows · context]`: index within its row of the last token of each token's
///     example
/// @param grouped whether the value heads of a key head follow each other
/// @param keepsStates whether there will be a backward
public record DeltaNet(
    int rows,
    int context,
    Tensor sums,
    Tensor identity,
    Tensor indices,
    Tensor seenUntil,
    boolean grouped,
    boolean keepsStates) {

  /// The values of [#sums] for chunks of n tokens.
  public static float[] sumsOfChunk(int n) {
    float[] sums = new float[n * (n + 1) * n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        int column = n * (j + (n + 1) * i);
        Arrays.fill(sums, column + j, column + i + 1, 1);
      }
    }
    return sums;
  }

  /// The activations of all tokens, or their gradients.
  ///
  /// @param q `[head size, key heads, t]`
  /// @param k of the same shape
  /// @param v `[head size, value heads, t]`, of which the heads can have another size; of n for
  ///     each key head, value head h goes with key head h / n where they are grouped, else with h
  /// mod key heads
  /// @param decay the logarithms of the decays, `[value heads, t]`, none above 0
  /// @param beta `[value heads, t]`; null where nothing is corrected
  public record Inputs(Tensor q, Tensor k, Tensor v, Tensor decay, @Nullable Tensor beta) {}

  /// @param y `[head size, value heads, t]`
  /// @param states `[head size of keys · of values · value heads · rows, chunks - 1]`, or null
  ///     where none are kept
  record MixerOutput(Tensor y, @Nullable Tensor states) {}

  /// Tokens of all rows, at the same places in each.
  private record TokenChunk(int index, int first, int tokens) {
    boolean isFirst() {
      return first == 0;
    }
  }

  private List<TokenChunk> chunks() {
    int size = Math.toIntExact(identity.shape().ne0());
    List<TokenChunk> chunks = new ArrayList<>();
    for (int first = 0; first < context; first += size) {
      chunks.add(new TokenChunk(chunks.size(), first, Math.min(size, context - first)));
    }
    return chunks;
  }

  MixerOutput forward(Supplier<Tape> tapes, Ops ops, Inputs inputs) {
    Tensor y = ops.scale(inputs.v(), 0);
    List<TokenChunk> chunks = chunks();
    @Nullable Tensor states = null;
    @Nullable Tensor state = null;
    for (TokenChunk chunk : chunks) {
      boolean last = chunk.index() == chunks.size() - 1;
      ChunkStep step = step(tapes.get(), chunk);
      ChunkStep.ChunkOutput result = step.apply(inputs(ops, inputs, chunk), state, !last);
      ops.schedule(ops.copy(byToken(ops, result.y()), part(ops, y, chunk)));
      state = result.state();
      if (state != null && keepsStates) {
        states = states == null ? room(ops, state, chunks.size() - 1) : states;
        ops.schedule(ops.copy(state, slot(ops, states, state.shape(), chunk.index())));
      }
    }
    return new MixerOutput(y, states);
  }

  /// The gradients of the inputs, where dy is that of the result.
  Inputs backward(
      Supplier<Tape> tapes, Ops ops, Inputs inputs, @Nullable Tensor states, Tensor dy) {
    Inputs gradients =
        new Inputs(
            ops.scale(inputs.q(), 0),
            ops.scale(inputs.k(), 0),
            ops.scale(inputs.v(), 0),
            ops.scale(inputs.decay(), 0),
            inputs.beta() == null ? null : ops.scale(inputs.beta(), 0));
    @Nullable Tensor dState = null;
    for (TokenChunk chunk : chunks().reversed()) {
      Tape tape = tapes.get();
      Inputs own = inputs(ops, inputs, chunk);
      Tensor state =
          chunk.isFirst() ? null : slot(ops, kept(states), stateShape(inputs), chunk.index() - 1);
      ChunkStep.ChunkOutput result = step(tape, chunk).apply(own, state, dState != null);
      if (dState != null) {
        tape.accumulate(kept(result.state()), dState);
      }
      tape.backward(result.y(), byHead(ops, part(ops, dy, chunk)));
      store(ops, tape.gradient(own.q()), gradients.q(), chunk);
      store(ops, tape.gradient(own.k()), gradients.k(), chunk);
      store(ops, tape.gradient(own.v()), gradients.v(), chunk);
      storeScalars(ops, tape.gradient(own.decay()), gradients.decay(), chunk);
      if (own.beta() != null && gradients.beta() != null) {
        storeScalars(ops, tape.gradient(own.beta()), gradients.beta(), chunk);
      }
      dState = state == null ? null : tape.gradient(state);
    }
    return gradients;
  }

  private ChunkStep step(Tape tape, TokenChunk chunk) {
    return new ChunkStep(this, tape, chunk.first(), chunk.tokens());
  }

  // The parts of the inputs.

  private Inputs inputs(Ops ops, Inputs all, TokenChunk chunk) {
    Shape values = all.v().shape();
    Tensor v = byHead(ops, part(ops, all.v(), chunk));
    Tensor q = repeated(ops, byHead(ops, part(ops, all.q(), chunk)), values.ne1());
    Tensor k = repeated(ops, byHead(ops, part(ops, all.k(), chunk)), values.ne1());
    Tensor decay = scalars(ops, all.decay(), chunk);
    Shape each = new Shape(1, chunk.tokens(), values.ne1(), rows);
    return new Inputs(
        q,
        k,
        v,
        ops.reshape(decay, Shape.of(chunk.tokens(), values.ne1() * rows)),
        all.beta() == null ? null : ops.reshape(scalars(ops, all.beta(), chunk), each));
  }

  /// A chunk of x `[head size, heads, t]`, without a copy: `[head size, heads, tokens, rows]`.
  private Tensor part(Ops ops, Tensor x, TokenChunk chunk) {
    Shape s = x.shape();
    Tensor byRow = ops.reshape(x, new Shape(s.ne0(), s.ne1(), context, rows));
    Shape part = new Shape(s.ne0(), s.ne1(), chunk.tokens(), rows);
    return ops.view(byRow, part, chunk.first() * byRow.stride(2));
  }

  private static Tensor byHead(Ops ops, Tensor x) {
    return ops.cont(ops.permute(x, 0, 2, 1, 3));
  }

  private static Tensor byToken(Ops ops, Tensor x) {
    return ops.permute(x, 0, 2, 1, 3);
  }

  /// A chunk of x `[heads, t]`, without a copy: `[tokens, heads, rows]`.
  private Tensor scalarPart(Ops ops, Tensor x, TokenChunk chunk) {
    long heads = x.shape().ne0();
    Tensor byRow = ops.reshape(x, Shape.of(heads, context, rows));
    Shape part = Shape.of(heads, chunk.tokens(), rows);
    return ops.transpose(ops.view(byRow, part, chunk.first() * byRow.stride(1)));
  }

  private Tensor scalars(Ops ops, Tensor x, TokenChunk chunk) {
    return ops.cont(scalarPart(ops, x, chunk));
  }

  /// The heads of x `[head size, t, heads, rows]`, each once for each of its value heads: `[head
  /// size, t, count, rows]`.
  private Tensor repeated(Ops ops, Tensor x, long count) {
    Shape s = x.shape();
    Shape all = new Shape(s.ne0(), s.ne1(), count, s.ne3());
    if (s.ne2() == count) {
      return x;
    }
    if (!grouped) {
      return ops.repeat(x, all);
    }
    Tensor apart = ops.reshape(x, new Shape(s.ne0() * s.ne1(), 1, s.ne2(), s.ne3()));
    Shape each = new Shape(s.ne0() * s.ne1(), count / s.ne2(), s.ne2(), s.ne3());
    return ops.reshape(ops.repeat(apart, each), all);
  }

  // Where the results go.

  /// Stores the gradient of what [#inputs] made of a chunk, summed over repeated heads.
  private void store(Ops ops, Tensor gradient, Tensor all, TokenChunk chunk) {
    long heads = all.shape().ne1();
    Tensor sum =
        grouped && heads < gradient.shape().ne2()
            ? sumOfNeighbours(ops, gradient, heads)
            : sumOfRounds(ops, gradient, heads);
    ops.schedule(ops.copy(byToken(ops, sum), part(ops, all, chunk)));
  }

  private static Tensor kept(@Nullable Tensor state) {
    return Objects.requireNonNull(state, "backward needs the states of all chunks but the last");
  }

  private static Tensor sumOfRounds(Ops ops, Tensor gradient, long heads) {
    Shape s = gradient.shape();
    Shape part = new Shape(s.ne0(), s.ne1(), heads, s.ne3());
    Tensor sum = ops.view(gradient, part, 0);
    for (long first = heads; first < s.ne2(); first += heads) {
      sum = ops.add(sum, ops.view(gradient, part, first * gradient.stride(2)));
    }
    return sum;
  }

  private static Tensor sumOfNeighbours(Ops ops, Tensor gradient, long heads) {
    Shape s = gradient.shape();
    long values = s.ne2() / heads;
    Tensor apart = ops.reshape(gradient, new Shape(s.ne0() * s.ne1(), values, heads, s.ne3()));
    Shape part = new Shape(s.ne0() * s.ne1(), 1, heads, s.ne3());
    Tensor sum = ops.view(apart, part, 0);
    for (long i = 1; i < values; i++) {
      sum = ops.add(sum, ops.view(apart, part, i * apart.stride(1)));
    }
    return ops.reshape(sum, new Shape(s.ne0(), s.ne1(), heads, s.ne3()));
  }

  private void storeScalars(Ops ops, Tensor gradient, Tensor all, TokenChunk chunk) {
    Tensor target = scalarPart(ops, all, chunk);
    ops.schedule(ops.copy(ops.reshape(gradient, target.shape()), target));
  }

  private Shape stateShape(Inputs inputs) {
    Shape s = inputs.v().shape();
    return new Shape(inputs.k().shape().ne0(), s.ne0(), s.ne1(), rows);
  }

  /// Memory for states, in one piece: ggml's allocator counts no more than 256 gaps.
  private static Tensor room(Ops ops, Tensor state, int states) {
    Tensor zeros = ops.scale(state, 0);
    long elements = state.shape().elements();
    return ops.repeat(ops.reshape(zeros, Shape.of(elements)), Shape.of(elements, states));
  }

  private static Tensor slot(Ops ops, Tensor states, Shape shape, int index) {
    Tensor column = ops.view(states, Shape.of(states.shape().ne0()), index * states.stride(1));
    return ops.reshape(column, shape);
  }
}
