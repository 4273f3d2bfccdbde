package io.lorikeet.models.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.testing.RandomInputs;
import io.lorikeet.quant.GgufFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// However a pass is cut into blocks, tiles and chunks, it gives the same.
@ExtendWith(LeakCheck.class)
class PassShapeTest {
  private static final int ROWS = 2;
  private static final int CONTEXT = 24;
  private static final double BOUND = 1e-5;

  /// In one piece each.
  private static final PassShape WHOLE =
      new PassShape(ROWS, CONTEXT, CONTEXT, ROWS * CONTEXT, ROWS * CONTEXT);

  @TempDir Path folder;

  /// The results of one pass.
  private record Outcome(double loss, double[] gradients, double[] logits) {}

  /// With dropout too, whose masks go by the token.
  @ParameterizedTest
  @ValueSource(doubles = {0, 0.25})
  void resultsDontDependOnIt(double dropout) throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).write(folder.resolve("m.gguf"));
    Outcome expected = run(file, WHOLE, dropout);
    List<PassShape> shapes =
        List.of(
            new PassShape(ROWS, CONTEXT, 1, 1, 1),
            new PassShape(ROWS, CONTEXT, 5, 7, 11),
            new PassShape(ROWS, CONTEXT, 23, 47, 47),
            new PassShape(ROWS, CONTEXT, 12, 16, 24, false),
            new PassShape(ROWS, CONTEXT, 100, 100, 100));
    for (PassShape shape : shapes) {
      Outcome actual = run(file, shape, dropout);
      assertEquals(expected.loss(), actual.loss(), BOUND * expected.loss(), shape.toString());
      double gradients = ModelRun.relativeError(actual.gradients(), expected.gradients());
      double logits = ModelRun.relativeError(actual.logits(), expected.logits());
      assertTrue(gradients <= BOUND && logits <= BOUND, shape + ": " + gradients + ", " + logits);
    }
  }

  private static Outcome run(Path file, PassShape shape, double dropout) throws IOException {
    TokenBatch batch = RandomInputs.branchedBatch(400, ROWS, CONTEXT, 3);
    try (ModelRun run = ModelRun.adapted(file, ReferenceCheck.ALL, shape, dropout)) {
      double loss = run.model.lossAndGradients(batch, 6);
      float[] logits = new float[batch.size() * 400];
      run.model.logits(batch, (token, row) -> System.arraycopy(row, 0, logits, token * 400, 400));
      double[] gradients = ModelRun.widened(run.lora.gradients().downloadFloats());
      return new Outcome(loss, gradients, ModelRun.widened(logits));
    }
  }

  @Test
  void chosenSizesFitTheirMemory() throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).write(folder.resolve("m.gguf"));
    try (GgufFile base = GgufFile.open(file)) {
      ModelConfig config = ModelConfig.of(base);
      PassShape small = PassShape.choose(config, 2, 8);
      assertEquals(16, small.headChunk(), "no more than the batch has");
      PassShape large = PassShape.choose(config, 1, 1 << 14);
      long scores = 4L * large.attentionBlock() * config.heads() * large.context();
      long logits = 4L * large.headChunk() * config.vocabulary();
      assertTrue(scores <= 40 << 20, "scores of a block: " + scores + " bytes");
      assertTrue(logits <= 40 << 20, "logits of a chunk: " + logits + " bytes");
    }
  }

  @Test
  void gpusTakeRowsInOnePiece() throws IOException {
    Path file = RandomModel.of(TensorType.Q4_0).write(folder.resolve("m.gguf"));
    try (GgufFile base = GgufFile.open(file)) {
      ModelConfig config = ModelConfig.of(base);
      PassShape row = PassShape.choose(config, 1, 512, true);
      assertEquals(1, row.attentionBlocks());
      assertEquals(1, row.shorter(300).attentionBlocks());
      PassShape large = PassShape.choose(config, 1, 1 << 14, true);
      long scores = 4L * large.attentionBlock() * config.heads() * large.context();
      long logits = 4L * large.headChunk() * config.vocabulary();
      assertTrue(scores <= 40 << 20, "scores of a block: " + scores + " bytes");
      assertTrue(logits <= 40 << 20, "logits of a chunk: " + logits + " bytes");
    }
  }
}
