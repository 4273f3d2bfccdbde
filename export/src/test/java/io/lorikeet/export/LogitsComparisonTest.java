package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.export.Verification.Verdict;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The verdicts, on made-up logits.
class LogitsComparisonTest {
  private static final int VOCABULARY = 40;
  private static final List<int[]> SEQUENCES = List.of(new int[] {1, 2, 3, 4}, new int[] {5, 6});

  @Test
  void passesWhatDiffersByRounding() {
    Verification verification =
        verify(source(1, 0), source(0, 0), source(1, 0.01), source(0, 0.01));
    assertEquals(Verdict.PASSED, verification.verdict());
    assertEquals(6, verification.effect().positions());
    assertEquals(0.01, verification.unexplainedShare(), 0.01);
  }

  @Test
  void failsWhatDiffersMore() {
    assertEquals(
        Verdict.FAILED,
        verify(source(2, 0), source(0, 0), source(1, 0.01), source(0, 0.01)).verdict());
    assertEquals(
        Verdict.FAILED,
        verify(source(1, 0), source(0, 0), source(0, 0.01), source(0, 0.01)).verdict());
    assertEquals(
        Verdict.FAILED,
        verify(source(1, 0), source(0, 0), source(1, 0.3), source(0, 0.01)).verdict());
  }

  @Test
  void failsWhatIsNoNumber() {
    assertEquals(
        Verdict.FAILED,
        verify(source(1, 0), source(0, 0), source(Double.NaN, 0), source(0, 0)).verdict());
    assertEquals(
        Verdict.FAILED,
        verify(source(Double.NaN, 0), source(0, 0), source(1, 0), source(0, 0)).verdict());
  }

  @Test
  void noEffectProvesNothing() {
    assertEquals(
        Verdict.INCONCLUSIVE,
        verify(source(0, 0), source(0, 0), source(0, 0.01), source(0, 0.01)).verdict());
  }

  @Test
  void anEffectThatDrownsInRoundingProvesNothing() {
    assertEquals(
        Verdict.INCONCLUSIVE,
        verify(source(0.01, 0), source(0, 0), source(0.01, 0.02), source(0, 0.02)).verdict());
    assertEquals(
        Verdict.FAILED,
        verify(source(0.01, 0), source(0, 0), source(0.01, 0.2), source(0, 0.02)).verdict());
  }

  private static Verification verify(
      LogitsSource llama, LogitsSource llamaBase, LogitsSource trainer, LogitsSource trainerBase) {
    LogitsComparison comparison = new LogitsComparison(VOCABULARY, SEQUENCES, llama, llamaBase);
    return new Verification(
        comparison.effect(), comparison.unexplained(trainer), comparison.noise(trainerBase));
  }

  /// Logits that are random by token, plus `effect` times random ones that are the adapter's, plus
  /// `noise` times others.
  private static LogitsSource source(double effect, double noise) {
    Random noises = new Random(99);
    return (tokens, consumer) -> {
      for (int position = 0; position < tokens.length; position++) {
        Random random = new Random(tokens[position]);
        float[] logits = SmallBase.values(random, VOCABULARY);
        for (int i = 0; i < VOCABULARY; i++) {
          double change = effect * random.nextGaussian() + noise * noises.nextGaussian();
          logits[i] += (float) change;
        }
        consumer.accept(position, logits);
      }
    };
  }
}
