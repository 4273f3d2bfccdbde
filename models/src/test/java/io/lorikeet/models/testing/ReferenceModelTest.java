package io.lorikeet.models.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.models.architecture.TokenBatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Holds the reference itself to account: against autograd of PyTorch and against central
/// differences.
class ReferenceModelTest {

  static List<ReferenceFixture> fixtures() throws IOException {
    return ReferenceFixture.read();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void equalsAutogradOfPyTorch(ReferenceFixture fixture) {
    List<ReferencePair> pairs = fixture.pairs();
    ReferenceModel.Result result =
        fixture.model().runWide(fixture.batch(), pairs, fixture.number("scaling"));

    assertEquals(fixture.number("loss"), result.loss(), 1e-10);
    double[] logits = Arrays.stream(result.logits()).flatMapToDouble(Arrays::stream).toArray();
    assertArrayEquals(fixture.values("logits"), logits, 1e-10);
    assertEquals(pairs.size(), result.gradients().size());
    for (ReferencePair gradient : result.gradients().values()) {
      String tensor = gradient.baseTensor();
      assertArrayEquals(fixture.values(tensor + ".lora_a"), gradient.a(), 1e-10, tensor + " A");
      assertArrayEquals(fixture.values(tensor + ".lora_b"), gradient.b(), 1e-10, tensor + " B");
    }
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void gradientsEqualCentralDifferences(ReferenceFixture fixture) {
    ReferenceModel model = fixture.model();
    TokenBatch batch = fixture.batch();
    double scaling = fixture.number("scaling");
    List<ReferencePair> pairs = fixture.pairs();
    ReferenceModel.Result result = model.runWide(batch, pairs, scaling);

    for (int i = 0; i < pairs.size(); i++) {
      ReferencePair gradient = result.gradients().get(pairs.get(i).baseTensor());
      double squared =
          Arrays.stream(gradient.a()).map(x -> x * x).sum()
              + Arrays.stream(gradient.b()).map(x -> x * x).sum();
      double step = 1e-5 / Math.sqrt(squared);
      double above = model.runWide(batch, moved(pairs, i, gradient, step), scaling).loss();
      double below = model.runWide(batch, moved(pairs, i, gradient, -step), scaling).loss();
      assertEquals(1, (above - below) / (2 * step * squared), 1e-6, gradient.baseTensor());
    }
  }

  @Test
  void examplesInOneRowDoNotSeeEachOther() throws IOException {
    ReferenceFixture fixture = fixtures().getFirst();
    TokenBatch packed = fixture.batch();
    // The first row's second example, on its own.
    TokenBatch alone =
        new TokenBatch(
            1,
            2,
            new int[] {10, 4},
            new int[] {0, 1},
            new int[] {1, 1},
            new int[] {4, 6},
            new float[] {1, 1});

    double[][] inRow = fixture.model().run(packed, List.of(), 1).logits();
    double[][] separate = fixture.model().run(alone, List.of(), 1).logits();

    assertArrayEquals(separate[0], inRow[4], 1e-12);
    assertArrayEquals(separate[1], inRow[5], 1e-12);
  }

  @Test
  void hiddenGradientsEqualCentralDifferences() throws IOException {
    // A pair on the embedding moves the first hidden state directly: its A gradient is that of the
    // hidden state.
    ReferenceFixture fixture = fixtures().get(1);
    ReferenceModel.Result result =
        fixture.model().runWide(fixture.batch(), fixture.pairs(), fixture.number("scaling"));
    ReferencePair pair = fixture.pairs().getFirst();
    assertEquals("token_embd.weight", pair.baseTensor());

    int width = fixture.model().config().width();
    int rank = pair.rank();
    double[] expected = new double[rank];
    for (int out = 0; out < width; out++) {
      for (int j = 0; j < rank; j++) {
        // Token 9 stands at place 2 only.
        expected[j] +=
            fixture.number("scaling")
                * pair.b()[out * rank + j]
                * result.hiddenGradients()[0][2 * width + out];
      }
    }
    double[] gradient = result.gradients().get("token_embd.weight").a();
    assertArrayEquals(expected, Arrays.copyOfRange(gradient, 9 * rank, 10 * rank), 1e-12);
    assertEquals(fixture.model().config().layers() + 1, result.hidden().length);
  }

  @Test
  void refusesWhatItCannotAdapt() throws IOException {
    ReferenceFixture fixture = fixtures().getFirst();
    for (String tensor : List.of("output.weight", "blk.7.attn_q.weight", "token_embd.weight")) {
      ReferencePair pair = new ReferencePair(tensor, 1, new double[11], new double[8]);
      Exception refused =
          assertThrows(
              IllegalArgumentException.class,
              () -> fixture.model().runWide(fixture.batch(), List.of(pair), 1));
      assertTrue(refused.getMessage().contains(tensor), refused.getMessage());
    }
  }

  private static List<ReferencePair> moved(
      List<ReferencePair> pairs, int index, ReferencePair by, double step) {
    List<ReferencePair> moved = new ArrayList<>(pairs);
    moved.set(index, pairs.get(index).moved(by, step));
    return moved;
  }
}
