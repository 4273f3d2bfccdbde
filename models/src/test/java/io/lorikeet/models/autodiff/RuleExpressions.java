package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.RopeParameters;
import io.lorikeet.bindings.Shape;
import io.lorikeet.bindings.Tensor;
import io.lorikeet.bindings.TensorType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;

/// Expressions of few operations, with which the rules of [GradientRules] are checked.
final class RuleExpressions {
  private static final int TOKENS = 7;

  /// An expression that uses one operation.
  interface Expression extends Function<RuleCheck, Tensor> {}

  /// Expressions for each operation.
  static Map<Class<? extends DifferentiableOp>, List<Expression>> all() {
    Map<Class<? extends DifferentiableOp>, List<Expression>> all = new LinkedHashMap<>();
    all.put(
        DifferentiableOp.FrozenProduct.class,
        Stream.of(TensorType.F32, TensorType.BF16, TensorType.Q4_0)
            .map(type -> (Expression) check -> frozenProduct(check, type))
            .toList());
    all.put(
        DifferentiableOp.AdaptedProduct.class,
        Stream.of(TensorType.F32, TensorType.Q4_0)
            .map(type -> (Expression) check -> adaptedProduct(check, type))
            .toList());
    all.put(
        DifferentiableOp.TrainedProduct.class,
        List.of(
            c -> c.tape.trainedProduct(c.parameter(Shape.of(20, 4)), c.input(Shape.of(20, TOKENS))),
            c -> c.tape.trainedProduct(c.parameter(Shape.of(4, 20)), c.input(Shape.of(4, TOKENS))),
            RuleExpressions::parameterUsedTwice));
    // Rounding has no slope to compare with: FoldedWeightsTest checks this rule.
    all.put(DifferentiableOp.FoldedUpdate.class, List.of());
    all.put(
        DifferentiableOp.TrainedRows.class,
        List.of(
            c -> c.tape.trainedRows(c.parameter(Shape.of(6, 9)), c.indices("ids", 3, 8, 0, 3, 3))));
    all.put(
        DifferentiableOp.Borrowed.class,
        List.of(c -> c.tape.scale(c.tape.borrow(c.parameter(Shape.of(6, 2, TOKENS))), 2)));
    // Another graph's gradient has no slope in this one: FamilyTest checks this rule.
    all.put(DifferentiableOp.Lent.class, List.of());
    all.put(
        DifferentiableOp.Add.class,
        List.of(
            c -> c.tape.add(c.input(Shape.of(5, TOKENS)), c.input(Shape.of(5, TOKENS))),
            RuleExpressions::usedThrice));
    all.put(
        DifferentiableOp.AddBias.class,
        List.of(
            c -> c.tape.addBias(c.input(Shape.of(5, TOKENS)), c.constant(Shape.of(5))),
            c ->
                c.tape.addExpertBias(
                    c.input(Shape.of(6, 3, TOKENS)), c.constant(Shape.of(6, 5)), choice(c, 5, 3))));
    all.put(
        DifferentiableOp.Scale.class,
        List.of(c -> c.tape.scale(c.input(Shape.of(5, TOKENS)), -0.3f)));
    all.put(
        DifferentiableOp.Mask.class,
        List.of(c -> c.tape.mask(c.input(Shape.of(5, TOKENS)), c.constant(Shape.of(5, TOKENS)))));
    all.put(
        DifferentiableOp.RmsNorm.class,
        List.of(
            c -> c.tape.rmsNorm(c.input(Shape.of(24, TOKENS)), c.constant(Shape.of(24)), 1e-5f),
            c -> c.tape.rmsNorm(c.input(Shape.of(24, TOKENS)), c.constant(Shape.of(24)), 0.5f),
            c -> c.tape.rmsNorm(c.input(Shape.of(8, 3, TOKENS)), null, 1e-5f)));
    all.put(
        DifferentiableOp.SliceOp.class,
        List.of(c -> c.tape.slice(c.input(Shape.of(9, TOKENS)), 2, 4), RuleExpressions::slices));
    all.put(DifferentiableOp.PartOp.class, List.of(RuleExpressions::parts));
    all.put(
        DifferentiableOp.SoftCap.class,
        List.of(c -> c.tape.softCap(c.input(Shape.of(9, TOKENS)), 1.5f)));
    all.put(
        DifferentiableOp.GeGlu.class,
        List.of(c -> c.tape.geglu(c.input(Shape.of(9, TOKENS)), c.input(Shape.of(9, TOKENS)))));
    all.put(
        DifferentiableOp.ClampedSwiGlu.class,
        Stream.of(7f, 0.8f)
            .map(
                limit ->
                    (Expression)
                        c ->
                            c.tape.clampedSwiglu(
                                c.input(Shape.of(9, TOKENS)),
                                c.input(Shape.of(9, TOKENS)),
                                1.702f,
                                limit))
            .toList());
    all.put(
        DifferentiableOp.Peaks.class,
        List.of(
            c -> c.tape.peaks(c.input(Shape.of(9, TOKENS)), 0.3f),
            c -> c.tape.peaks(c.input(Shape.of(40, TOKENS)), 1.6f)));
    all.put(
        DifferentiableOp.Concat.class,
        List.of(
            c ->
                c.tape.concat(
                    List.of(
                        c.input(Shape.of(5, TOKENS)),
                        c.input(Shape.of(2, TOKENS)),
                        c.input(Shape.of(4, TOKENS))))));
    all.put(
        DifferentiableOp.SquaredRelu.class,
        List.of(c -> c.tape.squaredRelu(c.input(Shape.of(9, TOKENS)))));
    all.put(
        DifferentiableOp.RopeOp.class,
        List.of(
            c -> rope(c, new RopeParameters(8, 0, 64, 10000, 1, 0, 1, 32, 1), null),
            c -> rope(c, new RopeParameters(6, 2, 64, 500, 0.25f, 0, 1, 32, 1), null),
            c -> rope(c, new RopeParameters(8, 0, 16, 100, 0.25f, 1, 1.3f, 32, 1), null),
            c ->
                rope(
                    c,
                    new RopeParameters(8, 0, 64, 10000, 1, 0, 1, 32, 1),
                    c.constant(Shape.of(4), new float[] {1, 2, 5, 8}))));
    all.put(
        DifferentiableOp.Reshape.class,
        List.of(c -> c.tape.reshape(c.input(Shape.of(12, TOKENS)), Shape.of(4, 3, TOKENS))));
    all.put(
        DifferentiableOp.SwiGlu.class,
        List.of(c -> c.tape.swiglu(c.input(Shape.of(9, TOKENS)), c.input(Shape.of(9, TOKENS)))));
    all.put(
        DifferentiableOp.SoftMax.class, List.of(c -> c.tape.softMax(c.input(Shape.of(9, TOKENS)))));
    all.put(
        DifferentiableOp.Pick.class,
        List.of(c -> c.tape.pick(c.input(Shape.of(5, TOKENS)), choice(c, 5, 3))));
    all.put(
        DifferentiableOp.Normalize.class,
        List.of(c -> c.tape.normalize(c.tape.softMax(c.input(Shape.of(4, TOKENS))))));
    all.put(
        DifferentiableOp.FrozenExperts.class,
        Stream.of(TensorType.F32, TensorType.BF16, TensorType.Q4_0, TensorType.MXFP4)
            .flatMap(
                type ->
                    Stream.of(1, 3)
                        .map(inputs -> (Expression) check -> frozenExperts(check, type, inputs)))
            .toList());
    all.put(
        DifferentiableOp.TrainedExperts.class,
        List.of(
            c -> trainedExperts(c, 20, 2, 1),
            c -> trainedExperts(c, 20, 2, 3),
            c -> trainedExperts(c, 2, 20, 3),
            c -> trainedExperts(c, 2, 20, 1)));
    all.put(
        DifferentiableOp.WeightedSum.class,
        List.of(
            c ->
                c.tape.weightedSum(
                    c.input(Shape.of(6, 3, TOKENS)), c.input(Shape.of(1, 3, TOKENS)))));
    all.put(
        DifferentiableOp.SelfAttention.class,
        List.of(
            c -> attention(c, 1, 11, 11, 2, 2),
            c -> attention(c, 1, 12, 4, 4, 2),
            c -> attention(c, 2, 11, 4, 4, 2),
            c -> attention(c, 3, 5, 2, 6, 2),
            c -> attention(c, 1, 9, 1, 4, 1),
            c -> attention(c, 2, 150, 20, 2, 1, 30, 0, null),
            c -> attention(c, 1, 130, 1, 2, 1, 2, 0, null),
            c -> attention(c, 2, 11, 4, 4, 2, 0, 0.8f, null),
            c -> attention(c, 2, 11, 4, 4, 2, 0, 0, c.constant(Shape.of(4))),
            c -> attention(c, 1, 11, 4, 4, 2, 0, 1.2f, c.constant(Shape.of(4)))));
    all.put(
        DifferentiableOp.Multiply.class,
        List.of(
            c -> c.tape.multiply(c.input(Shape.of(5, TOKENS)), c.input(Shape.of(5, TOKENS))),
            c -> c.tape.multiply(c.input(Shape.of(5, 3, TOKENS)), c.input(Shape.of(1, 3, TOKENS))),
            RuleExpressions::squared));
    all.put(DifferentiableOp.Exp.class, List.of(c -> c.tape.exp(c.input(Shape.of(9, TOKENS)))));
    all.put(
        DifferentiableOp.Sigmoid.class, List.of(c -> c.tape.sigmoid(c.input(Shape.of(9, TOKENS)))));
    all.put(
        DifferentiableOp.Softplus.class,
        List.of(c -> c.tape.softplus(c.input(Shape.of(9, TOKENS)))));
    all.put(DifferentiableOp.Silu.class, List.of(c -> c.tape.silu(c.input(Shape.of(9, TOKENS)))));
    all.put(
        DifferentiableOp.Product.class,
        List.of(
            c -> c.tape.product(c.input(Shape.of(6, 5, 2)), c.input(Shape.of(6, TOKENS, 2))),
            c ->
                c.tape.product(
                    c.input(new Shape(6, 5, 2, 3)), c.input(new Shape(6, TOKENS, 2, 3)))));
    all.put(
        DifferentiableOp.Transpose.class,
        List.of(
            c ->
                c.tape.product(
                    c.tape.transpose(c.input(Shape.of(5, 6, 2))),
                    c.tape.transpose(c.input(Shape.of(TOKENS, 6, 2))))));
    all.put(
        DifferentiableOp.UnitInverse.class, List.of(c -> inverse(c, 2), c -> inverse(c, TOKENS)));
    all.put(
        DifferentiableOp.Convolution.class,
        List.of(
            c -> convolution(c, 1, TOKENS, 4),
            c -> convolution(c, 3, 5, 4),
            c -> convolution(c, 2, 2, 4),
            c -> convolution(c, 1, TOKENS, 1)));
    all.put(
        DifferentiableOp.GatedDelta.class,
        List.of(
            c -> gatedDelta(c, 1, 7, 8, 2, 2, false),
            c -> gatedDelta(c, 1, 11, 4, 1, 2, false),
            c -> gatedDelta(c, 2, 9, 4, 2, 4, false),
            c -> gatedDelta(c, 2, 9, 4, 2, 6, true),
            c -> gatedDelta(c, 3, 4, 1, 1, 1, false),
            c -> stateSpace(c, 1, 11, 4, 1, 2),
            c -> stateSpace(c, 2, 9, 4, 2, 6)));
    return all;
  }

  private static Tensor squared(RuleCheck check) {
    Tensor x = check.input(Shape.of(5, TOKENS));
    return check.tape.multiply(x, x);
  }

  private static Tensor inverse(RuleCheck check, int size) {
    float[] lower = new float[size * size];
    for (int i = 0; i < size; i++) {
      for (int j = 0; j < i; j++) {
        lower[i * size + j] = 0.4f;
      }
    }
    Shape shape = Shape.of(size, size, 3);
    Tensor x = check.tape.mask(check.input(shape), check.constant(Shape.of(size, size), lower));
    return check.tape.unitInverse(x, check.identity(size));
  }

  /// Each row holds an example of two tokens and one of the others.
  private static Tensor convolution(RuleCheck check, int rows, int context, int size) {
    int tokens = rows * context;
    float[] follows = new float[tokens * Math.max(1, size - 1)];
    for (int i = 0; i < follows.length; i++) {
      int place = i % tokens % context;
      int last = place < 2 ? 1 : context - 1;
      follows[i] = place + i / tokens + 1 <= last ? 1 : 0;
    }
    CausalConvolution convolution =
        new CausalConvolution(
            rows,
            context,
            check.constant(Shape.of(size, 5)),
            check.constant(Shape.of(tokens, Math.max(1, size - 1)), follows));
    return check.tape.convolution(check.input(Shape.of(5, tokens)), convolution);
  }

  /// Each row holds an example of three tokens and one of the others.
  private static Tensor gatedDelta(
      RuleCheck check,
      int rows,
      int context,
      int chunk,
      int keyHeads,
      int valueHeads,
      boolean grouped) {
    int tokens = rows * context;
    float[] seenUntil = new float[tokens];
    for (int i = 0; i < tokens; i++) {
      seenUntil[i] = i % context < 3 ? 2 : context - 1;
    }
    Tape tape = check.tape;
    DeltaNet net = check.deltaNet(rows, context, chunk, seenUntil, grouped);
    Tensor q = check.input(Shape.of(8, keyHeads, tokens));
    Tensor k = tape.rmsNorm(check.input(Shape.of(8, keyHeads, tokens)), null, 1e-6f);
    Tensor v = check.input(Shape.of(8, valueHeads, tokens));
    Tensor decay = tape.softplus(check.input(Shape.of(valueHeads, tokens)));
    Tensor beta = tape.sigmoid(check.input(Shape.of(valueHeads, tokens)));
    return tape.gatedDelta(
        new DeltaNet.Inputs(
            q, tape.scale(k, (float) Math.sqrt(1 / 8.0)), v, tape.scale(decay, -0.5f), beta),
        net);
  }

  /// The same without corrections; the state is wider than a head.
  private static Tensor stateSpace(
      RuleCheck check, int rows, int context, int chunk, int groups, int heads) {
    int tokens = rows * context;
    float[] seenUntil = new float[tokens];
    for (int i = 0; i < tokens; i++) {
      seenUntil[i] = i % context < 3 ? 2 : context - 1;
    }
    Tape tape = check.tape;
    Tensor decay = tape.softplus(check.input(Shape.of(heads, tokens)));
    return tape.gatedDelta(
        new DeltaNet.Inputs(
            check.input(Shape.of(12, groups, tokens)),
            check.input(Shape.of(12, groups, tokens)),
            check.input(Shape.of(8, heads, tokens)),
            tape.scale(decay, -0.5f),
            null),
        check.deltaNet(rows, context, chunk, seenUntil, true));
  }

  /// 100 rows are four chunks of the matrix, the last one smaller.
  private static Tensor adaptedProduct(RuleCheck c, TensorType type) {
    return c.tape.adaptedProduct(
        c.frozen(type, Shape.of(64, 96)),
        c.input(Shape.of(64, TOKENS)),
        c.parameter(Shape.of(4, 96)),
        c.input(Shape.of(4, TOKENS)),
        null);
  }

  private static Tensor frozenProduct(RuleCheck check, TensorType type) {
    Tensor weight = check.frozen(type, Shape.of(64, 100));
    return check.tape.frozenProduct(weight, check.input(Shape.of(64, TOKENS)));
  }

  private static Tensor parameterUsedTwice(RuleCheck check) {
    Parameter parameter = check.parameter(Shape.of(6, 6));
    Tensor once = check.tape.trainedProduct(parameter, check.input(Shape.of(6, TOKENS)));
    return check.tape.trainedProduct(parameter, once);
  }

  private static Tensor usedThrice(RuleCheck check) {
    Tensor x = check.input(Shape.of(5, TOKENS));
    return check.tape.add(check.tape.add(x, x), check.tape.swiglu(x, x));
  }

  /// Random experts of each token.
  private static ExpertChoice choice(RuleCheck check, int experts, int used) {
    Tensor identity = check.identity(experts);
    return check.tape.choose(check.constant(Shape.of(experts, TOKENS)), used, identity);
  }

  private static Tensor frozenExperts(RuleCheck check, TensorType type, int inputs) {
    Tensor weight = check.frozen(type, Shape.of(64, 10, 5));
    Tensor x = check.input(Shape.of(64, inputs, TOKENS));
    return check.tape.frozenExperts(weight, x, choice(check, 5, 3));
  }

  private static Tensor trainedExperts(RuleCheck check, int inputs, int outputs, int of) {
    Parameter parameter = check.parameter(Shape.of(inputs, outputs, 5));
    Tensor x = check.input(Shape.of(inputs, of, TOKENS));
    return check.tape.trainedExperts(parameter, x, choice(check, 5, 3));
  }

  /// All parts of a tensor used.
  private static Tensor parts(RuleCheck c) {
    List<Tensor> parts = c.tape.parts(c.input(Shape.of(12, TOKENS)), List.of(4, 8));
    Tensor first = c.tape.trainedProduct(c.parameter(Shape.of(4, 5)), parts.getFirst());
    return c.tape.add(first, c.tape.trainedProduct(c.parameter(Shape.of(8, 5)), parts.getLast()));
  }

  private static Tensor slices(RuleCheck check) {
    Tensor x = check.input(Shape.of(10, TOKENS));
    return check.tape.swiglu(check.tape.slice(x, 0, 5), check.tape.slice(x, 5, 5));
  }

  private static Tensor rope(RuleCheck check, RopeParameters parameters, Tensor factors) {
    Tensor positions = check.indices("positions", 0, 1, 2, 0, 1, 30, 31);
    return check.tape.rope(check.input(Shape.of(8, 3, TOKENS)), positions, factors, parameters);
  }

  /// Each row holds two examples, of which the first is two that begin alike where there is no
  /// window, and a token of padding that sees only itself.
  private static Tensor attention(
      RuleCheck check, int rows, int context, int block, int heads, int keyValueHeads) {
    return attention(check, rows, context, block, heads, keyValueHeads, 0, 0, null);
  }

  private static Tensor attention(
      RuleCheck check,
      int rows,
      int context,
      int block,
      int heads,
      int keyValueHeads,
      int window,
      float scoreCap,
      Tensor sinks) {
    float[] indices = new float[context];
    float[] seenUntil = new float[rows * context];
    for (int i = 0; i < context; i++) {
      indices[i] = i;
    }
    for (int i = 0; i < seenUntil.length; i++) {
      int place = i % context;
      int second = 2 + i / context;
      int last = place < second ? second - 1 : Math.max(place, context - 2);
      boolean aside = window == 0 && second > 2 && place == 1;
      seenUntil[i] = aside ? place : window == 0 ? last : Math.min(last, place + window - 1);
    }
    int tokens = rows * context;
    Attention attention =
        new Attention(
            rows,
            context,
            block,
            0.4f,
            check.constant(Shape.of(context), indices),
            check.constant(Shape.of(tokens), seenUntil),
            null,
            window,
            scoreCap,
            sinks);
    Tensor q = check.input(Shape.of(8, heads, tokens));
    Tensor k = check.input(Shape.of(8, keyValueHeads, tokens));
    Tensor v = check.input(Shape.of(8, keyValueHeads, tokens));
    return check.tape.attention(q, k, v, attention, null);
  }

  private RuleExpressions() {}
}
