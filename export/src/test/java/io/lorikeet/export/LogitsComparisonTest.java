package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.export.Verification.Verdict;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
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

  /// A few positions may differ by more than the limit, if not by as much as the adapter changes.
  @Test
  void passesRareDifferences() {
    List<int[]> sequence = List.of(IntStream.range(0, 100).toArray());
    LogitsSource llama = source(0.1, 0);
    LogitsSource base = source(0, 0);
    Verification rare = verify(sequence, llama, base, everyNth(25, 0.1, source(0.1, 0)), base);
    assertTrue(rare.unexplainedShare() > Verification.LIMIT, rare::toString);
    assertEquals(0, rare.usualShare());
    assertEquals(Verdict.PASSED, rare.verdict());
    assertEquals(
        Verdict.FAILED,
        verify(sequence, llama, base, everyNth(12, 0.1, source(0.1, 0)), base).verdict());
    assertEquals(
        Verdict.FAILED,
        verify(sequence, llama, base, everyNth(25, 0.5, source(0.1, 0)), base).verdict());
  }

  /// However much a few positions differ, it may be rounding where the base alone has such ones.
  @Test
  void passesRareDifferencesThatTheBaseHasToo() {
    List<int[]> sequence = List.of(IntStream.range(0, 100).toArray());
    assertEquals(
        Verdict.PASSED,
        verify(
                sequence,
                source(0.1, 0),
                source(0, 0),
                everyNth(25, 0.5, source(0.1, 0)),
                everyNth(33, 0.5, source(0, 0)))
            .verdict());
  }

  /// Where the trainer itself varies as much with next to nothing more of the adapter.
  @Test
  void anEffectBelowTheSensitivityProvesNothing() {
    LogitsSource base = source(0, 0);
    Verification failed = verify(source(0.01, 0), base, source(0.01, 0.02), base);
    assertEquals(Verdict.FAILED, failed.verdict());
    LogitsDifference unexplained = failed.unexplained();
    assertEquals(Verdict.INCONCLUSIVE, failed.withSensitivity(unexplained).verdict());
    LogitsDifference less = new LogitsDifference(6, 1e-6, 1e-6, 1e-12, 1);
    assertEquals(Verdict.FAILED, failed.withSensitivity(less).verdict());
  }

  private static Verification verify(
      LogitsSource llama, LogitsSource llamaBase, LogitsSource trainer, LogitsSource trainerBase) {
    return verify(SEQUENCES, llama, llamaBase, trainer, trainerBase);
  }

  private static Verification verify(
      List<int[]> sequences,
      LogitsSource llama,
      LogitsSource llamaBase,
      LogitsSource trainer,
      LogitsSource trainerBase) {
    LogitsComparison comparison = new LogitsComparison(VOCABULARY, sequences, llama, llamaBase);
    return comparison.verification(
        new KeptLogits(VOCABULARY, sequences, trainer),
        comparison.noise(trainerBase),
        Optional.empty());
  }

  /// Adds noise to a source's logits at every n-th position.
  private static LogitsSource everyNth(int n, double noise, LogitsSource source) {
    Random noises = new Random(7);
    return (tokens, consumer) ->
        source.forEach(
            tokens,
            (position, logits) -> {
              for (int i = 0; position % n == 0 && i < logits.length; i++) {
                logits[i] += (float) (noise * noises.nextGaussian());
              }
              consumer.accept(position, logits);
            });
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
