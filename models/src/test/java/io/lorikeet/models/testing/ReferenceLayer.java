package io.lorikeet.models.testing;

import io.lorikeet.models.architecture.TokenBatch;

/// One transformer layer of one run: attention, then the feed-forward part, each on the normed and
/// added to the plain input.
final class ReferenceLayer {
  private final double epsilon;
  private final TokenBatch batch;
  private final ReferenceRope rope;
  private final ReferenceAttention attention;
  private final double[] attentionNorm;
  private final double[] feedForwardNorm;
  private final ReferenceLinear query;
  private final ReferenceLinear key;
  private final ReferenceLinear value;
  private final ReferenceLinear output;
  private final ReferenceLinear gate;
  private final ReferenceLinear up;
  private final ReferenceLinear down;
  private double[] x; // [n][width]
  private double[] middle; // [n][width]: x plus the attention's output
  private double[] gated; // [n][feedForward]: before SiLU
  private double[] upped; // [n][feedForward]

  ReferenceLayer(ReferenceConfig config, ReferenceRun run, ReferenceRope rope, int index) {
    this.epsilon = config.normEpsilon();
    this.batch = run.batch();
    this.rope = rope;
    this.attention = new ReferenceAttention(config, batch);
    String prefix = "blk." + index + ".";
    this.attentionNorm = run.weight(prefix + "attn_norm.weight");
    this.feedForwardNorm = run.weight(prefix + "ffn_norm.weight");
    this.query = run.linear(prefix + "attn_q", config.width());
    this.key = run.linear(prefix + "attn_k", config.width());
    this.value = run.linear(prefix + "attn_v", config.width());
    this.output = run.linear(prefix + "attn_output", config.heads() * config.headSize());
    this.gate = run.linear(prefix + "ffn_gate", config.width());
    this.up = run.linear(prefix + "ffn_up", config.width());
    this.down = run.linear(prefix + "ffn_down", config.feedForward());
  }

  double[] forward(double[] input) {
    x = input;
    double[] normed = ReferenceMath.rmsNorm(x, attentionNorm, epsilon);
    double[] q = rope.forward(query.forward(normed), batch.positions());
    double[] k = rope.forward(key.forward(normed), batch.positions());
    double[] mixed = attention.forward(q, k, value.forward(normed));
    middle = ReferenceMath.sum(x, output.forward(mixed));

    double[] normedMiddle = ReferenceMath.rmsNorm(middle, feedForwardNorm, epsilon);
    gated = gate.forward(normedMiddle);
    upped = up.forward(normedMiddle);
    double[] product = new double[gated.length];
    for (int i = 0; i < product.length; i++) {
      product[i] = gated[i] * sigmoid(gated[i]) * upped[i];
    }
    return ReferenceMath.sum(middle, down.forward(product));
  }

  double[] backward(double[] dy) {
    double[] dproduct = down.backward(dy);
    double[] dgated = new double[gated.length];
    double[] dupped = new double[gated.length];
    for (int i = 0; i < gated.length; i++) {
      double s = sigmoid(gated[i]);
      dupped[i] = dproduct[i] * gated[i] * s;
      dgated[i] = dproduct[i] * upped[i] * s * (1 + gated[i] * (1 - s));
    }
    double[] dnormedMiddle = ReferenceMath.sum(gate.backward(dgated), up.backward(dupped));
    double[] dmiddle =
        ReferenceMath.sum(
            dy, ReferenceMath.rmsNormGradient(middle, feedForwardNorm, epsilon, dnormedMiddle));

    ReferenceAttention.Gradients gradients = attention.backward(output.backward(dmiddle));
    double[] dnormed = query.backward(rope.backward(gradients.q(), batch.positions()));
    dnormed =
        ReferenceMath.sum(dnormed, key.backward(rope.backward(gradients.k(), batch.positions())));
    dnormed = ReferenceMath.sum(dnormed, value.backward(gradients.v()));
    return ReferenceMath.sum(
        dmiddle, ReferenceMath.rmsNormGradient(x, attentionNorm, epsilon, dnormed));
  }

  private static double sigmoid(double value) {
    return 1 / (1 + Math.exp(-value));
  }
}
