package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A chunk of a [DeltaNet] on a tape. Matrices between tokens are `[j, i, heads, rows]`: what token
/// i takes from token j.
final class ChunkStep {
  private final DeltaNet net;
  private final Tape tape;
  private final Ops ops;
  private final int first;
  private final int tokens;

  /// @param first index of the chunk's first token in each row
  ChunkStep(DeltaNet net, Tape tape, int first, int tokens) {
    this.net = net;
    this.tape = tape;
    ops = tape.ops();
    this.first = first;
    this.tokens = tokens;
  }

  /// @param y `[head size, tokens, heads, rows]`
  /// @param state at the end, `[head size of keys, of values, heads, rows]`, or null
  record ChunkOutput(Tensor y, @Nullable Tensor state) {}

  /// How much is left at each token of what tokens before it wrote.
  ///
  /// @param between `[j, i, heads, rows]`, 0 where i doesn't see j
  /// @param ofState of what was written before the chunk: `[1, i, heads, rows]`; null where there
  ///     is none
  private record Decays(Tensor between, @Nullable Tensor ofState) {
    Tensor ofEarlier() {
      return Objects.requireNonNull(ofState, "there is a state before the chunk");
    }
  }

  /// @param in q, k and v as `[head size, tokens, heads, rows]`, decay `[tokens, heads · rows]`,
  ///     beta `[1, tokens, heads, rows]`, or null where nothing is corrected
  /// @param state at the beginning, or null for none
  /// @param goesOn whether the state at the end is wanted
  ChunkOutput apply(DeltaNet.Inputs in, @Nullable Tensor state, boolean goesOn) {
    Decays decays = decays(in, state != null);
    Tensor beta = in.beta();
    Tensor written = beta == null ? in.v() : corrected(in, beta, state, decays);
    Tensor read = tape.multiply(tape.product(in.k(), in.q()), decays.between());
    Tensor y = tape.product(tape.transpose(written), read);
    if (state != null) {
      y = tape.add(y, tape.multiply(tape.product(state, in.q()), decays.ofEarlier()));
    }
    return new ChunkOutput(y, goesOn ? next(in, state, written) : null);
  }

  /// The parts of the values that weren't known, times beta.
  private Tensor corrected(DeltaNet.Inputs in, Tensor beta, @Nullable Tensor state, Decays decays) {
    Tensor likeness = tape.multiply(tape.product(in.k(), in.k()), decays.between());
    Tensor corrections = tape.mask(tape.multiply(likeness, beta), earlier());
    Tensor solved = tape.unitInverse(corrections, square(net.identity()));
    Tensor values = in.v();
    if (state != null) {
      Tensor known = tape.multiply(tape.product(state, in.k()), decays.ofEarlier());
      values = tape.add(values, tape.scale(known, -1));
    }
    return tape.product(tape.transpose(tape.multiply(values, beta)), solved);
  }

  /// The state at the chunk's end.
  private Tensor next(DeltaNet.Inputs in, @Nullable Tensor state, Tensor written) {
    Shape s = written.shape();
    int before = state == null ? 0 : 1;
    Tensor sums = tape.product(sums(before, tokens - 1, 1), in.decay());
    Tensor left = tape.exp(tape.reshape(sums, new Shape(before + tokens, 1, s.ne2(), s.ne3())));
    Tensor seen = seen(before);
    Shape atEnd = new Shape(before + tokens, 1, 1, net.rows());
    Tensor lasting =
        tape.mask(left, ops.cont(ops.view(seen, atEnd, (tokens - 1) * seen.stride(1))));
    Tensor flat = tape.reshape(lasting, Shape.of(before + tokens, s.ne2() * s.ne3()));
    Tensor ofTokens =
        tape.reshape(tape.slice(flat, before, tokens), new Shape(1, tokens, s.ne2(), s.ne3()));
    Tensor kept = tape.transpose(tape.multiply(written, ofTokens));
    Tensor added = tape.product(tape.transpose(in.k()), kept);
    if (state == null) {
      return added;
    }
    Tensor ofState = tape.reshape(tape.slice(flat, 0, 1), new Shape(1, 1, s.ne2(), s.ne3()));
    Shape each = new Shape(in.k().shape().ne0() * s.ne0(), 1, s.ne2(), s.ne3());
    Tensor decayed = tape.multiply(tape.reshape(state, each), ofState);
    return tape.add(added, tape.reshape(decayed, state.shape()));
  }

  private Decays decays(DeltaNet.Inputs in, boolean hasState) {
    Shape s = in.v().shape();
    int before = hasState ? 1 : 0;
    int sources = before + tokens;
    Tensor logarithms = tape.product(sums(before, 0, tokens), in.decay());
    Shape all = new Shape(sources, tokens, s.ne2(), s.ne3());
    Tensor left = tape.mask(tape.exp(tape.reshape(logarithms, all)), seen(before));
    if (!hasState) {
      return new Decays(left, null);
    }
    Tensor flat = tape.reshape(left, Shape.of(sources, tokens * s.ne2() * s.ne3()));
    return new Decays(
        tape.reshape(tape.slice(flat, 1, tokens), new Shape(tokens, tokens, s.ne2(), s.ne3())),
        tape.reshape(tape.slice(flat, 0, 1), new Shape(1, tokens, s.ne2(), s.ne3())));
  }

  /// The part of [DeltaNet#sums] that gives the logarithms of the decays to `count` tokens from
  /// `from` on: `[tokens, sources · count]`.
  ///
  /// @param before 1 for what was before the chunk as the first source, else 0
  private Tensor sums(int before, int from, int count) {
    Tensor all = net.sums();
    int sources = before + tokens;
    long offset = (1 - before) * all.stride(1) + from * all.stride(2);
    Tensor part = ops.view(all, Shape.of(tokens, sources, count), offset);
    Tensor dense = part.isContiguous() ? part : ops.cont(part);
    return ops.reshape(dense, Shape.of(tokens, (long) sources * count));
  }

  /// 1 where token i sees source j, else 0: `[sources, i, 1, rows]`. Indices are whole numbers.
  private Tensor seen(int before) {
    int sources = before + tokens;
    Shape shape = new Shape(sources, tokens, 1, net.rows());
    Tensor ends =
        ops.view(
            ops.reshape(net.seenUntil(), new Shape(net.context(), 1, 1, net.rows())),
            new Shape(sources, 1, 1, net.rows()),
            (long) (first - before) * Float.BYTES);
    Tensor column = column();
    Tensor notYet =
        ops.clamp(ops.sub(ops.repeat(column, shape), places(first - before, sources)), -1, 0);
    Tensor noLonger = ops.clamp(ops.sub(ops.repeat(ops.cont(ends), shape), column), -1, 0);
    return ops.scaleAndAdd(ops.add(notYet, noLonger), 1, 1);
  }

  /// 1 where token j comes before token i, else 0: `[j, i]`.
  private Tensor earlier() {
    Tensor queries = ops.repeat(column(), Shape.of(tokens, tokens));
    return ops.clamp(ops.sub(queries, places(first, tokens)), 0, 1);
  }

  /// The places of the chunk's tokens, `[1, tokens]`.
  private Tensor column() {
    return ops.reshape(places(first, tokens), Shape.of(1, tokens));
  }

  private Tensor places(int from, int count) {
    return ops.view(net.indices(), Shape.of(count), (long) from * Float.BYTES);
  }

  private Tensor square(Tensor matrix) {
    if (matrix.shape().ne0() == tokens) {
      return matrix;
    }
    return ops.cont(ops.view(matrix, Shape.of(tokens, tokens), 0));
  }
}
