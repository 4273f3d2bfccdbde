package io.lorikeet.export.analysis;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.lorikeet.models.lora.LoraAdapter;
import io.lorikeet.models.lora.LoraPair;
import io.lorikeet.quant.InvalidInputException;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ExpertPairsTest {
  private static final String WEIGHT = "blk.0.ffn_up_exps.weight";

  private static LoraPair pair(int experts, int rank, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] a = new float[5 * rank * experts];
    float[] b = new float[rank * 7 * experts];
    for (int i = 0; i < a.length; i++) {
      a[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < b.length; i++) {
      b[i] = (float) random.nextGaussian();
    }
    return new LoraPair(WEIGHT, 5, 7, rank, experts, a, b);
  }

  @Test
  void takesApartAndPutsTogether() {
    LoraPair pair = pair(3, 2, 1);
    List<LoraPair> apart = ExpertPairs.apart(List.of(pair));
    assertEquals(3, apart.size());
    assertEquals(WEIGHT + "[2]", apart.get(2).baseTensor());
    assertEquals(WEIGHT, ExpertPairs.weight(apart.get(2).baseTensor()));
    assertEquals(2, ExpertPairs.expert(apart.get(2).baseTensor()));
    assertEquals(pair.a()[2 * 10], apart.get(2).a()[0]);
    LoraPair again = ExpertPairs.together(apart).getFirst();
    assertEquals(WEIGHT, again.baseTensor());
    assertArrayEquals(pair.a(), again.a());
    assertArrayEquals(pair.b(), again.b());
  }

  @Test
  void everyExpertIsCombinedByItself() {
    LoraAdapter first = new LoraAdapter("llama", 3, List.of(pair(3, 2, 1)));
    LoraAdapter second = new LoraAdapter("llama", 2, List.of(pair(3, 1, 2)));
    LoraAdapter combined =
        AdapterCombiner.concatenate(
            List.of(
                new AdapterCombiner.ScaledAdapter("a", first, 1),
                new AdapterCombiner.ScaledAdapter("b", second, 2)));
    assertEquals(3, combined.pairs().getFirst().experts());
    LoraAdapter compressed = AdapterCombiner.compress(combined, 2).adapter();
    assertEquals(2, compressed.pairs().getFirst().rank());
    LoraAdapter whole = AdapterCombiner.compress(combined, 3).adapter();
    for (int expert = 0; expert < 3; expert++) {
      double[][] expected = PairSvdTest.product(matrix(first, expert), 1.5);
      double[][] more = PairSvdTest.product(matrix(second, expert), 2 * 2);
      double[][] actual = PairSvdTest.product(matrix(combined, expert), combined.alpha() / 3);
      double[][] again = PairSvdTest.product(matrix(whole, expert), whole.alpha() / 3);
      for (int o = 0; o < 7; o++) {
        for (int i = 0; i < 5; i++) {
          assertEquals(expected[o][i] + more[o][i], actual[o][i], 1e-5);
          assertEquals(actual[o][i], again[o][i], 1e-5);
        }
      }
    }
    LoraAdapter fewer = new LoraAdapter("llama", 2, List.of(pair(2, 1, 2)));
    assertThrows(
        InvalidInputException.class,
        () ->
            AdapterCombiner.concatenate(
                List.of(
                    new AdapterCombiner.ScaledAdapter("a", first, 1),
                    new AdapterCombiner.ScaledAdapter("b", fewer, 1))));
  }

  private static LoraPair matrix(LoraAdapter adapter, int expert) {
    return ExpertPairs.apart(adapter.pairs()).get(expert);
  }
}
