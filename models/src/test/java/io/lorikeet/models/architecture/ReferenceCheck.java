package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.llama.Invocation;
import io.lorikeet.models.autodiff.Precision;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.models.testing.ReferenceModel;
import io.lorikeet.models.testing.ReferencePair;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// Compares the loss, the logits and every adapter matrix's gradient with the float64 reference on
/// the dequantized base, with B ≠ 0.
///
/// @param roles matrices to adapt, as [RandomInputs#pairs] knows them
/// @param weight of each target in the loss, which the gradients are proportional to
/// @param bound of ‖actual - expected‖ / ‖expected‖
record ReferenceCheck(
    String device,
    List<String> roles,
    PassShape shape,
    Precision precision,
    float weight,
    double bound) {
  static final List<String> LINEAR =
      List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down");
  static final List<String> ALL =
      Stream.concat(LINEAR.stream(), Stream.of("token_embd", "output")).toList();
  private static final double SCALING = 0.7;
  private static final int RANK = 12;

  void run(Path file) throws IOException {
    run(file, Optional.empty());
  }

  /// Of an adapter that acts on some tokens only.
  void runActivated(Path file) throws IOException {
    run(file, Optional.of(new Invocation(List.of(1))));
  }

  private void run(Path file, Optional<Invocation> invocation) throws IOException {
    List<LoraPair> pairs;
    ReferenceModel reference;
    try (GgufFile base = GgufFile.open(file)) {
      pairs = RandomInputs.pairs(base, roles, RANK, 5);
      reference = ReferenceModel.of(base);
    }
    int vocabulary = reference.config().vocabulary();
    TokenBatch batch =
        RandomInputs.adapted(
            weighted(RandomInputs.branchedBatch(vocabulary, shape.rows(), shape.context(), 3)),
            place -> invocation.isEmpty() || place % 5 > 2);
    ReferenceModel.Result expected = reference.run(batch, pairs, SCALING);
    try (ModelRun run =
        new ModelRun(
            file,
            device,
            ModelRun.adapter(pairs, SCALING).activatedBy(invocation),
            shape,
            precision,
            0)) {
      double loss = run.model.lossAndGradients(batch, 0);
      assertEquals(expected.loss(), loss, bound * Math.abs(expected.loss()), "loss");
      assertEquals(loss, run.model.loss(batch), 1e-6 * Math.abs(loss), "loss without gradients");
      checkLogits(expected.logits(), run.logits(batch));
      for (Map.Entry<String, ReferencePair> actual : run.gradients().entrySet()) {
        ReferencePair wanted = expected.gradients().get(actual.getKey());
        double a = ModelRun.relativeError(actual.getValue().a(), wanted.a());
        double b = ModelRun.relativeError(actual.getValue().b(), wanted.b());
        assertTrue(a <= bound && b <= bound, actual.getKey() + ": A " + a + ", B " + b);
      }
    }
  }

  private void checkLogits(double[][] expected, float[][] actual) {
    for (int token = 0; token < expected.length; token++) {
      double error = ModelRun.relativeError(ModelRun.widened(actual[token]), expected[token]);
      assertTrue(error <= bound, "logits of token " + token + ": " + error);
    }
  }

  private TokenBatch weighted(TokenBatch batch) {
    float[] weights = batch.targetWeights().clone();
    for (int i = 0; i < weights.length; i++) {
      weights[i] *= weight;
    }
    return new TokenBatch(
        batch.rows(),
        batch.context(),
        batch.tokens(),
        batch.positions(),
        batch.seenUntil(),
        batch.targets(),
        weights);
  }
}
