package io.lorikeet.bindings.cpu;

import io.lorikeet.bindings.Ops;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.lang.foreign.MemorySegment;

/// Operations of the CPU that go over the rows of their operands once, where ggml takes several
/// operations, each of which reads and writes all of them; by oneDNN, as [FastProducts].
///
/// Some replace their first operand by their result when the graph runs, so that nothing may use it
/// that isn't scheduled before. Of the others, values and operand are each computed only where they
/// are used.
final class FusedOps {
  private final TensorType operandType;
  private final int threads;
  private final MemorySegment softMax;
  private final MemorySegment softMaxBack;
  private final MemorySegment crossEntropy;
  private final MemorySegment swigluBack;
  private final boolean hasRmsNorm;
  private final MemorySegment rmsNorm;
  private final MemorySegment rmsNormBack;
  private final MemorySegment rounding;
  private final MemorySegment packing;

  /// A result.
  ///
  /// @param values F32
  /// @param operand the same in the type of [FastProducts#activationType], which may be `values`
  public record FusedOutput(Tensor values, Tensor operand) {}

  FusedOps(TensorType operandType, OneDnnCallbacks callbacks, OneDnnThreads threads) {
    this.operandType = operandType;
    this.threads = threads.count();
    SoftMaxTasks softMaxes = new SoftMaxTasks(threads);
    softMax =
        callbacks.callback(
            (y, firsts, worker) ->
                softMaxes.forward(y, (int) (firsts >>> Integer.SIZE), (int) firsts, worker));
    softMaxBack = callbacks.callback((y, _, worker) -> softMaxes.backward(y, worker));
    CrossEntropyTasks crossEntropies = new CrossEntropyTasks(threads);
    crossEntropy =
        callbacks.callback(
            (y, gradient, worker) -> crossEntropies.compute(y, gradient != 0, worker));
    SwigluTasks swiglus = new SwigluTasks(threads);
    swigluBack = callbacks.callback((y, _, worker) -> swiglus.backward(y, worker));
    RmsNormTasks norms = new RmsNormTasks(threads);
    hasRmsNorm = norms.exists(operandType);
    rmsNorm =
        callbacks.callback(
            (y, epsilon, worker) -> norms.forward(y, Float.intBitsToFloat((int) epsilon), worker));
    rmsNormBack =
        callbacks.callback(
            (y, epsilon, worker) -> norms.backward(y, Float.intBitsToFloat((int) epsilon), worker));
    RowTasks rows = new RowTasks(threads);
    rounding = callbacks.callback((y, _, worker) -> rows.round(y, worker));
    packing =
        callbacks.callback(
            (y, factor, worker) -> rows.pack(y, Float.intBitsToFloat((int) factor), worker));
  }

  /// An operand of products: F32 `x` in the type of [FastProducts#activationType].
  public Tensor operand(Ops ops, Tensor x) {
    ops.require(x.type() == TensorType.F32, "an operand", x);
    if (operandType == TensorType.F32) {
      return x;
    }
    return x.isContiguous()
        ? ops.custom("rounding", operandType, x.shape(), new Ops.Callback(rounding, 0, threads), x)
        : ops.cast(x, operandType);
  }

  /// An operand of products that is contiguous: factor · x, for x F32 `[n, rows, matrices]` with
  /// dense rows.
  public Tensor packed(Ops ops, Tensor x, float factor) {
    ops.require(
        x.type() == TensorType.F32 && Ops.hasDenseRows(x) && x.shape().ne3() == 1, "an operand", x);
    int bits = Float.floatToRawIntBits(factor);
    Ops.Callback callback = new Ops.Callback(packing, bits & 0xffffffffL, threads);
    return ops.custom("packed", operandType, x.shape(), callback, x);
  }

  /// Replaces a block's scores by their softmax over the keys that each query sees: those up to
  /// itself whose `seenUntil` reaches it.
  ///
  /// @param scores F32 `[keys, queries, heads]`, contiguous
  /// @param seenUntil F32 `[keys]`: index in its row of the last query that sees each key
  /// @param firstKey index in its row of the first key
  /// @param firstQuery of the first query
  public FusedOutput softMax(
      Ops ops, Tensor scores, Tensor seenUntil, int firstKey, int firstQuery) {
    Shape shape = scores.shape();
    ops.require(
        isContiguousF32(scores)
            && isContiguousF32(seenUntil)
            && shape.ne3() == 1
            && seenUntil.shape().equals(Shape.of(shape.ne0()))
            && firstKey >= 0
            && firstQuery >= firstKey
            && firstQuery + shape.ne1() <= firstKey + shape.ne0(),
        "a softmax of keys from %s and queries from %s on".formatted(firstKey, firstQuery),
        scores,
        seenUntil);
    long firsts = (long) firstKey << Integer.SIZE | firstQuery;
    return inPlace(ops, "softmax", softMax, firsts, true, scores, seenUntil);
  }

  /// Replaces the gradient of a softmax by that of what it was made of.
  ///
  /// @param gradient F32 `[keys, queries, heads]`, contiguous
  /// @param softMax of the same shape
  public FusedOutput softMaxBack(Ops ops, Tensor gradient, Tensor softMax) {
    ops.require(
        isContiguousF32(gradient)
            && isContiguousF32(softMax)
            && gradient.shape().equals(softMax.shape()),
        "the gradient of a softmax",
        gradient,
        softMax);
    return inPlace(ops, "softmax back", softMaxBack, 0, true, gradient, softMax);
  }

  /// Replaces weights other than 0 by `-log softmax(logits)[label]`.
  ///
  /// @param logits F32 `[vocabulary, t]`, contiguous
  /// @param labels I32 `[t]`, each below the vocabulary
  /// @param weights F32 `[t]`; not a placeholder
  public void crossEntropy(Ops ops, Tensor logits, Tensor labels, Tensor weights) {
    crossEntropy(ops, logits, labels, weights, false);
  }

  /// The same, with logits replaced by their gradient: weight · (softmax(logits) - onehot(label)).
  public FusedOutput crossEntropyAndGradient(
      Ops ops, Tensor logits, Tensor labels, Tensor weights) {
    return crossEntropy(ops, logits, labels, weights, true);
  }

  private FusedOutput crossEntropy(
      Ops ops, Tensor logits, Tensor labels, Tensor weights, boolean gradient) {
    Shape each = Shape.of(logits.shape().ne1());
    ops.require(
        isContiguousF32(logits)
            && logits.shape().rows() == logits.shape().ne1()
            && labels.type() == TensorType.I32
            && labels.isContiguous()
            && labels.shape().equals(each)
            && isContiguousF32(weights)
            && weights.shape().equals(each),
        "cross-entropy",
        logits,
        labels,
        weights);
    long wanted = gradient ? 1 : 0;
    return inPlace(ops, "cross-entropy", crossEntropy, wanted, gradient, logits, labels, weights);
  }

  /// The gradients of silu(gate) · up.
  ///
  /// @param gate of the shape of gate
  /// @param up of the shape of up
  public record FusedSwigluGradients(FusedOutput gate, FusedOutput up) {}

  /// The gradients of gate and of up for silu(gate) · up.
  ///
  /// @param dy the gradient of the result, F32 and contiguous, as are the others, of the same shape
  public FusedSwigluGradients swigluBack(Ops ops, Tensor dy, Tensor gate, Tensor up) {
    Shape shape = dy.shape();
    ops.require(
        isContiguousF32(dy)
            && isContiguousF32(gate)
            && isContiguousF32(up)
            && gate.shape().equals(shape)
            && up.shape().equals(shape),
        "the gradient of swiglu",
        dy,
        gate,
        up);
    Shape both = Shape.of(shape.elements(), 2);
    FusedOutput rows = eitherWay(ops, "swiglu back", swigluBack, 0, both, dy, gate, up);
    return new FusedSwigluGradients(row(ops, rows, 0, shape), row(ops, rows, 1, shape));
  }

  /// A row of `[n, 2]`, in a shape of n elements.
  private static FusedOutput row(Ops ops, FusedOutput x, int index, Shape shape) {
    return new FusedOutput(row(ops, x.values(), index, shape), row(ops, x.operand(), index, shape));
  }

  private static Tensor row(Ops ops, Tensor x, int index, Shape shape) {
    Tensor row = ops.view(x, Shape.of(x.shape().ne0()), index * x.stride(1));
    return ops.reshape(row, shape);
  }

  /// Whether there is [#rmsNorm].
  public boolean hasRmsNorm() {
    return hasRmsNorm;
  }

  /// gain times x over the root mean square of each row.
  ///
  /// @param x F32 `[n, …]`, contiguous
  /// @param gain F32 `[n]`
  /// @param epsilon added to the mean square
  public FusedOutput rmsNorm(Ops ops, Tensor x, Tensor gain, float epsilon) {
    requireNorm(ops, "a norm", x, x, gain);
    return eitherWay(ops, "rms norm", rmsNorm, bits(epsilon), x.shape(), x, gain);
  }

  /// The gradient of x for a [#rmsNorm].
  ///
  /// @param dy that of the result, F32 and contiguous
  public Tensor rmsNormBack(Ops ops, Tensor dy, Tensor x, Tensor gain, float epsilon) {
    requireNorm(ops, "the gradient of a norm", dy, x, gain);
    Ops.Callback compute = new Ops.Callback(rmsNormBack, bits(epsilon), threads);
    return ops.custom("rms norm back", TensorType.F32, x.shape(), compute, dy, x, gain);
  }

  private static void requireNorm(Ops ops, String name, Tensor dy, Tensor x, Tensor gain) {
    ops.require(
        isContiguousF32(dy)
            && isContiguousF32(x)
            && isContiguousF32(gain)
            && dy.shape().equals(x.shape())
            && gain.shape().equals(Shape.of(x.shape().ne0())),
        name,
        dy,
        x,
        gain);
  }

  private static long bits(float number) {
    return Integer.toUnsignedLong(Float.floatToRawIntBits(number));
  }

  /// An operation that computes its values, and another that computes them as an operand.
  private FusedOutput eitherWay(
      Ops ops, String name, MemorySegment callback, long userData, Shape shape, Tensor... sources) {
    Ops.Callback compute = new Ops.Callback(callback, userData, threads);
    Tensor values = ops.custom(name, TensorType.F32, shape, compute, sources);
    return new FusedOutput(
        values,
        operandType == TensorType.F32
            ? values
            : ops.custom(name, operandType, shape, compute, sources));
  }

  /// Schedules what overwrites its first source: what uses that from now on runs later.
  ///
  /// @param operand whether the result is wanted as an operand of products too
  private FusedOutput inPlace(
      Ops ops,
      String name,
      MemorySegment callback,
      long userData,
      boolean operand,
      Tensor... sources) {
    Tensor values = sources[0];
    boolean copied = operand && operandType != TensorType.F32;
    Tensor y =
        ops.custom(
            name,
            copied ? operandType : TensorType.F32,
            copied ? values.shape() : Shape.of(1),
            new Ops.Callback(callback, userData, threads),
            sources);
    ops.schedule(y);
    return new FusedOutput(values, copied ? y : values);
  }

  private static boolean isContiguousF32(Tensor x) {
    return x.type() == TensorType.F32 && x.isContiguous();
  }
}
