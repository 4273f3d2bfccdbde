package io.lorikeet.bindings;

import io.lorikeet.ggml.Ggml;
import io.lorikeet.ggml.ggml_tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// The operations of a graph that is being built. Each call describes one operation and returns the
/// tensor it will compute; nothing runs before [Graph#compute]. Shapes and types are checked here,
/// since ggml ends the process where they don't fit. Shapes are given in ggml's order, ne0 first.
public final class Ops extends OpList {
  /// A graph without operations yet.
  public Ops() {}

  // Products.

  /// a `[k, n, p, q]` times b `[k, m, p', q']` gives `[n, m, p', q']`, F32: sums over ne0 of both.
  /// `a` is repeated where p' and q' are multiples of p and q.
  public Tensor mulMat(Tensor a, Tensor b) {
    Shape left = a.shape();
    Shape right = b.shape();
    require(
        left.ne0() == right.ne0()
            && right.ne2() % left.ne2() == 0
            && right.ne3() % left.ne3() == 0
            && holdsReals(a)
            && hasDenseRows(a)
            && isFloat(b.type())
            && hasDenseRows(b),
        "mul_mat",
        a,
        b);
    return made(Ggml.ggml_mul_mat(context, a.handle(), b.handle()));
  }

  /// a `[m, t, p, q]` and b `[n, t, p, q]`, both F32, give `[m, n, p, q]`: sums over ne1 of both.
  ///
  /// @param b with dense rows, or the transpose of such a tensor
  public Tensor outProd(Tensor a, Tensor b) {
    requireF32("out_prod", a, b);
    require(
        a.shape().ne1() == b.shape().ne1()
            && a.shape().ne2() == b.shape().ne2()
            && a.shape().ne3() == b.shape().ne3()
            && hasDenseRows(a)
            && (hasDenseRows(b) || hasDenseColumns(b)),
        "out_prod",
        a,
        b);
    return made(Ggml.ggml_out_prod(context, a.handle(), b.handle()));
  }

  // Element-wise operations, F32.

  /// a + b; `b` is repeated to the shape of `a`.
  public Tensor add(Tensor a, Tensor b) {
    requireRepeats("add", a, b);
    return made(Ggml.ggml_add(context, a.handle(), b.handle()));
  }

  /// Adds `b`, repeated to the shape of `a`, to `a` in its own memory. Schedule it before what
  /// reads the sum in `a`.
  public Tensor addInPlace(Tensor a, Tensor b) {
    return into(add(a, b), a);
  }

  /// a - b; `b` is repeated to the shape of `a`.
  public Tensor sub(Tensor a, Tensor b) {
    requireRepeats("sub", a, b);
    return made(Ggml.ggml_sub(context, a.handle(), b.handle()));
  }

  /// a · b, element by element; `b` is repeated to the shape of `a`.
  public Tensor mul(Tensor a, Tensor b) {
    requireRepeats("mul", a, b);
    return made(Ggml.ggml_mul(context, a.handle(), b.handle()));
  }

  /// a / b, element by element; `b` is repeated to the shape of `a`.
  public Tensor div(Tensor a, Tensor b) {
    requireRepeats("div", a, b);
    return made(Ggml.ggml_div(context, a.handle(), b.handle()));
  }

  /// factor · a + bias.
  public Tensor scaleAndAdd(Tensor a, float factor, float bias) {
    requireContiguousF32("scale", a);
    return made(Ggml.ggml_scale_bias(context, a.handle(), factor, bias));
  }

  public Tensor scale(Tensor a, float factor) {
    requireContiguousF32("scale", a);
    return made(Ggml.ggml_scale(context, a.handle(), factor));
  }

  public Tensor square(Tensor a) {
    requireContiguousF32("sqr", a);
    return made(Ggml.ggml_sqr(context, a.handle()));
  }

  public Tensor squareRoot(Tensor a) {
    requireContiguousF32("sqrt", a);
    return made(Ggml.ggml_sqrt(context, a.handle()));
  }

  public Tensor log(Tensor a) {
    requireContiguousF32("log", a);
    return made(Ggml.ggml_log(context, a.handle()));
  }

  /// Limits every element to `[low, high]`. ggml does it in place, so `a` must have no other use.
  public Tensor clamp(Tensor a, float low, float high) {
    requireContiguousF32("clamp", a);
    return made(Ggml.ggml_clamp(context, a.handle(), low, high));
  }

  /// silu(gate) · up, with silu(x) = x / (1 + e^-x).
  public Tensor swiglu(Tensor gate, Tensor up) {
    requireContiguousF32("swiglu", gate, up);
    requireSameShape("swiglu", gate, up);
    return made(Ggml.ggml_swiglu_split(context, gate.handle(), up.handle()));
  }

  public Tensor silu(Tensor a) {
    requireContiguousF32("silu", a);
    return made(Ggml.ggml_silu(context, a.handle()));
  }

  /// The gradient of x where dy is that of silu(x).
  public Tensor siluBack(Tensor dy, Tensor x) {
    requireContiguousF32("silu_back", dy, x);
    requireSameShape("silu_back", dy, x);
    return made(Ggml.ggml_silu_back(context, dy.handle(), x.handle()));
  }

  // Rows and sums.

  /// Each row divided by its root mean square: x / sqrt(mean(x²) + epsilon).
  public Tensor rmsNorm(Tensor x, float epsilon) {
    requireContiguousF32("rms_norm", x);
    return made(Ggml.ggml_rms_norm(context, x.handle(), epsilon));
  }

  /// The gradient of x where dy is that of [#rmsNorm].
  public Tensor rmsNormBack(Tensor dy, Tensor x, float epsilon) {
    requireContiguousF32("rms_norm_back", dy, x);
    requireSameShape("rms_norm_back", dy, x);
    return made(Ggml.ggml_rms_norm_back(context, dy.handle(), x.handle(), epsilon));
  }

  /// As [#softMax(Tensor, Tensor, Tensor, float)], without sinks.
  public Tensor softMax(Tensor x, @Nullable Tensor mask, float scale) {
    return softMax(x, mask, null, scale);
  }

  /// softmax(scale · x + mask) over ne0.
  ///
  /// @param x scores `[keys, queries, heads]`
  /// @param mask `[keys, queries]` F32, added after scaling, or null
  /// @param sinks F32 `[heads]`: the score of a key without a value, which takes its share of the
  ///     weights, or null
  public Tensor softMax(Tensor x, @Nullable Tensor mask, @Nullable Tensor sinks, float scale) {
    requireContiguousF32("soft_max", x);
    if (mask != null) {
      requireContiguousF32("soft_max", mask);
      require(
          mask.shape().ne0() == x.shape().ne0()
              && mask.shape().ne1() >= x.shape().ne1()
              && mask.shape().ne2() == 1
              && mask.shape().ne3() == 1,
          "soft_max",
          x,
          mask);
    }
    if (sinks != null) {
      requireContiguousF32("soft_max", sinks);
      require(sinks.shape().equals(Shape.of(x.shape().ne2())), "soft_max", x, sinks);
    }
    MemorySegment y =
        Ggml.ggml_soft_max_ext(
            context, x.handle(), mask == null ? MemorySegment.NULL : mask.handle(), scale, 0);
    if (sinks != null) {
      Ggml.ggml_soft_max_add_sinks(y, sinks.handle());
    }
    return made(y);
  }

  /// The gradient of x where dy is that of y = softmax(scale · x + mask).
  ///
  /// @param dy not a view, unless it is a whole tensor in another shape that nothing else reads:
  ///     ggml's allocator would have y overwritten by the result, whose rows are computed in
  /// several
  ///     passes over y
  public Tensor softMaxBack(Tensor dy, Tensor y, float scale) {
    MemorySegment seen = ggml_tensor.view_src(dy.handle());
    boolean whole = seen.address() == 0 || Ggml.ggml_nelements(seen) == dy.shape().elements();
    require(whole, "soft_max_back", dy, y);
    requireContiguousF32("soft_max_back", dy, y);
    requireSameShape("soft_max_back", dy, y);
    return made(Ggml.ggml_soft_max_ext_back(context, dy.handle(), y.handle(), scale, 0));
  }

  /// The sum of all elements, `[1]`.
  public Tensor sum(Tensor x) {
    requireContiguousF32("sum", x);
    return made(Ggml.ggml_sum(context, x.handle()));
  }

  /// The sum of each row, `[1, ne1, ne2, ne3]`.
  public Tensor sumRows(Tensor x) {
    requireContiguousF32("sum_rows", x);
    return made(Ggml.ggml_sum_rows(context, x.handle()));
  }

  /// The index of each row's largest element, I32 `[ne1]`.
  public Tensor argmax(Tensor x) {
    requireContiguousF32("argmax", x);
    require(isMatrix(x), "argmax", x);
    return made(Ggml.ggml_argmax(context, x.handle()));
  }

  /// Rows of `a` `[k, n, p]` by the I32 indices `[m, p]`, as F32 `[k, m, p]`; dequantizes.
  public Tensor getRows(Tensor a, Tensor indices) {
    require(
        indices.type() == TensorType.I32
            && a.shape().ne2() == indices.shape().ne1()
            && a.shape().ne3() == indices.shape().ne2()
            && indices.shape().ne3() == 1
            && holdsReals(a)
            && hasDenseRows(a),
        "get_rows",
        a,
        indices);
    return made(Ggml.ggml_get_rows(context, a.handle(), indices.handle()));
  }

  /// Adds the rows of dy `[k, m]` to a zero tensor shaped like `like` `[k, n]`, at the indices
  /// `[m]`.
  public Tensor getRowsBack(Tensor dy, Tensor indices, Tensor like) {
    requireContiguousF32("get_rows_back", dy, like);
    require(
        indices.type() == TensorType.I32
            && indices.shape().ne0() == dy.shape().ne1()
            && indices.shape().rows() == 1
            && isMatrix(dy)
            && like.shape().ne0() == dy.shape().ne0()
            && isMatrix(like),
        "get_rows_back",
        dy,
        indices,
        like);
    return made(Ggml.ggml_get_rows_back(context, dy.handle(), indices.handle(), like.handle()));
  }

  /// Replaces rows of `target` `[k, n]`, in place, by those of `rows` `[k, m]` at the I32 indices
  /// `[m]`.
  public Tensor setRows(Tensor target, Tensor rows, Tensor indices) {
    requireContiguousF32("set_rows", target, rows);
    require(
        indices.type() == TensorType.I32
            && target.shape().ne0() == rows.shape().ne0()
            && indices.shape().ne0() == rows.shape().ne1()
            && indices.shape().rows() == 1
            && isMatrix(rows)
            && isMatrix(target),
        "set_rows",
        target,
        rows,
        indices);
    return made(Ggml.ggml_set_rows(context, target.handle(), rows.handle(), indices.handle()));
  }

  // Layout and copies.

  /// The same contiguous data in another shape.
  public Tensor reshape(Tensor a, Shape shape) {
    require(a.isContiguous() && a.shape().elements() == shape.elements(), "reshape to " + shape, a);
    a.type().rowBytes(shape.ne0());
    return made(
        Ggml.ggml_reshape_4d(
            context, a.handle(), shape.ne0(), shape.ne1(), shape.ne2(), shape.ne3()));
  }

  /// A part of `a` of the given shape, with `a`'s strides, from byte `offset` on.
  public Tensor view(Tensor a, Shape shape, long offset) {
    long end =
        offset
            + a.type().rowBytes(shape.ne0())
            + (shape.ne1() - 1) * a.stride(1)
            + (shape.ne2() - 1) * a.stride(2)
            + (shape.ne3() - 1) * a.stride(3);
    long limit =
        a.type().rowBytes(a.shape().ne0())
            + (a.shape().ne1() - 1) * a.stride(1)
            + (a.shape().ne2() - 1) * a.stride(2)
            + (a.shape().ne3() - 1) * a.stride(3);
    require(
        offset >= 0 && offset % a.type().blockBytes() == 0 && end <= limit && hasDenseRows(a),
        "view of " + shape + " from byte " + offset + " on",
        a);
    // Dimensions of one element get the strides of a contiguous tensor: some operations ask for it.
    long stride2 = shape.ne2() == 1 ? shape.ne1() * a.stride(1) : a.stride(2);
    long stride3 = shape.ne3() == 1 ? shape.ne2() * stride2 : a.stride(3);
    return made(
        Ggml.ggml_view_4d(
            context,
            a.handle(),
            shape.ne0(),
            shape.ne1(),
            shape.ne2(),
            shape.ne3(),
            a.stride(1),
            stride2,
            stride3,
            offset));
  }

  /// Reorders dimensions without moving data: dimension i of `a` becomes dimension `axes[i]` of the
  /// result.
  public Tensor permute(Tensor a, int axis0, int axis1, int axis2, int axis3) {
    require(
        (1 << axis0 | 1 << axis1 | 1 << axis2 | 1 << axis3) == 15 && !a.type().isQuantized(),
        "permute",
        a);
    return made(Ggml.ggml_permute(context, a.handle(), axis0, axis1, axis2, axis3));
  }

  /// Swaps ne0 and ne1 without moving data.
  public Tensor transpose(Tensor a) {
    require(!a.type().isQuantized(), "transpose", a);
    return made(Ggml.ggml_transpose(context, a.handle()));
  }

  /// A contiguous copy.
  public Tensor cont(Tensor a) {
    require(!a.type().isQuantized(), "cont", a);
    return made(Ggml.ggml_cont(context, a.handle()));
  }

  /// A contiguous copy in another floating-point type; [#getRows] is what dequantizes.
  public Tensor cast(Tensor a, TensorType type) {
    require(
        isFloat(a.type())
            && isFloat(type)
            && (a.type() == TensorType.F32 || type == TensorType.F32),
        "cast to " + type.ggmlName(),
        a);
    return made(Ggml.ggml_cast(context, a.handle(), type.id()));
  }

  /// Copies `source` into `target`'s memory, converting between F32, F16 and BF16.
  public Tensor copy(Tensor source, Tensor target) {
    require(
        source.shape().elements() == target.shape().elements()
            && isFloat(source.type())
            && isFloat(target.type()),
        "cpy",
        source,
        target);
    return made(Ggml.ggml_cpy(context, source.handle(), target.handle()));
  }

  /// `result` in `place`'s memory: its operation writes there, or it is copied where it can't. To
  /// be used instead of `result`.
  ///
  /// @param result of an operation, just made
  public Tensor into(Tensor result, Tensor place) {
    boolean own = ggml_tensor.view_src(result.handle()).address() == 0;
    if (!own
        || result.type() != place.type()
        || !result.shape().equals(place.shape())
        || !result.isContiguous()
        || !place.isContiguous()
        || ggml_tensor.op(result.handle()) == Ggml.GGML_OP_NONE()) {
      return copy(result, place);
    }
    boolean isView = ggml_tensor.view_src(place.handle()).address() != 0;
    ggml_tensor.view_src(
        result.handle(), isView ? ggml_tensor.view_src(place.handle()) : place.handle());
    ggml_tensor.view_offs(result.handle(), isView ? ggml_tensor.view_offs(place.handle()) : 0);
    if (place.isAllocated()) {
      result.bindTo(place, 0);
    }
    return result;
  }

  /// Joins two F32 tensors along a dimension.
  public Tensor concat(Tensor a, Tensor b, int dimension) {
    requireF32("concat", a, b);
    Shape left = a.shape();
    Shape right = b.shape();
    require(
        dimension >= 0
            && dimension < 4
            && (dimension == 0 || left.ne0() == right.ne0())
            && (dimension == 1 || left.ne1() == right.ne1())
            && (dimension == 2 || left.ne2() == right.ne2())
            && (dimension == 3 || left.ne3() == right.ne3()),
        "concat along dimension " + dimension,
        a,
        b);
    return made(Ggml.ggml_concat(context, a.handle(), b.handle(), dimension));
  }

  /// F32 `[n, …]` with `before` zeros in front of every row and `after` zeros behind it.
  public Tensor padRows(Tensor a, int before, int after) {
    requireContiguousF32("pad", a);
    require(before >= 0 && after >= 0, "pad", a);
    return made(Ggml.ggml_pad_ext(context, a.handle(), before, after, 0, 0, 0, 0, 0, 0));
  }

  /// Repeats F32 `a` to fill `shape`.
  public Tensor repeat(Tensor a, Shape shape) {
    requireF32("repeat", a);
    require(a.shape().repeatsTo(shape) && hasDenseRows(a), "repeat to " + shape, a);
    return made(
        Ggml.ggml_repeat_4d(
            context, a.handle(), shape.ne0(), shape.ne1(), shape.ne2(), shape.ne3()));
  }

  // Optimizer.

  /// One step of AdamW (arXiv 1711.05101) on `weights`, in place, with the moments `m` and `v`.
  ///
  /// @param parameters F32 `[7]`: learning rate, beta1, beta2, epsilon, weight decay, 1 / (1 -
  ///     beta1^t), 1 / (1 - beta2^t)
  public Tensor adamW(Tensor weights, Tensor gradient, Tensor m, Tensor v, Tensor parameters) {
    requireContiguousF32("opt_step_adamw", weights, gradient, m, v, parameters);
    requireSameShape("opt_step_adamw", weights, gradient);
    requireSameShape("opt_step_adamw", weights, m);
    requireSameShape("opt_step_adamw", weights, v);
    require(
        parameters.shape().elements() == 7 && placeholders().contains(weights),
        "opt_step_adamw",
        weights,
        parameters);
    Ggml.ggml_set_param(weights.handle());
    return made(
        Ggml.ggml_opt_step_adamw(
            context,
            weights.handle(),
            gradient.handle(),
            m.handle(),
            v.handle(),
            parameters.handle()));
  }
}
