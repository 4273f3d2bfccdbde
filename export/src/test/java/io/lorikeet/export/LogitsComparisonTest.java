package io.lorikeet.export;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.export.Verification.Verdict;
import io.lorikeet.models.adapter.SmallBase;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// The verdicts, on made-up logits.
class LogitsComparisonTest {
  private static final int VOCABULARY = 40;
  private static final List<int[]> SEQUENCES = List.of(new int[] {1, 2, 3, 4}, new int[] {5, 6});

  private static final List<int[]> HUNDRED = List.of(IntStream.range(0, 100).toArray());

  @Test
  void passesWhatDiffersByRounding() {
    Verification verification =
        verify(source(1, 0), source(0, 0), source(1, 0.01), source(0, 0.01));
    assertEquals(Verdict.PASSED, verification.verdict());
    assertEquals(6, verification.effect().positions());
    assertEquals(0, verification.differenceShare());
    assertEquals(0.01, verification.roundingShare(), 0.005);
  }

  @Test
  void failsWhatDiffersMore() {
    LogitsSource base = source(0, 0);
    LogitsSource roundedBase = source(0, 0.01);
    assertEquals(
        Verdict.FAILED, verify(source(2, 0), base, source(1, 0.01), roundedBase).verdict());
    assertEquals(
        Verdict.FAILED, verify(source(0.5, 0), base, source(1, 0.01), roundedBase).verdict());
    assertEquals(
        Verdict.FAILED, verify(source(-1, 0), base, source(1, 0.01), roundedBase).verdict());
    assertEquals(
        Verdict.FAILED, verify(source(1, 0), base, source(0, 0.01), roundedBase).verdict());
    assertEquals(Verdict.FAILED, verify(source(1, 0), base, source(1, 0.3), roundedBase).verdict());
    assertEquals(Verdict.FAILED, verify(source(1, 0), base, source(1, 0.03), base).verdict());
  }

  /// llama.cpp may take an adapter and pass over all of its weights.
  @Test
  void failsWhatChangesNothingInLlamaCpp() {
    assertEquals(
        Verdict.FAILED,
        verify(source(0, 0), source(0, 0), source(1, 0.01), source(0, 0.01)).verdict());
  }

  @Test
  void failsWhatIsNoNumber() {
    assertEquals(
        Verdict.FAILED,
        verify(source(1, 0), source(0, 0), source(Double.NaN, 0), source(0, 0)).verdict());
    assertEquals(
        Verdict.FAILED,
        verify(source(Double.NaN, 0), source(0, 0), source(1, 0), source(0, 0)).verdict());
    assertEquals(
        Verdict.FAILED,
        verify(
                HUNDRED,
                source(1, 0),
                source(0, 0),
                everyNth(50, Double.NaN, source(1, 0)),
                source(0, 0))
            .verdict());
  }

  @Test
  void noEffectProvesNothing() {
    Verification none = verify(source(0, 0), source(0, 0), source(0, 0.01), source(0, 0.01));
    assertEquals(Verdict.INCONCLUSIVE, none.verdict());
    assertTrue(none.isWithoutEffect());
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

  /// Rounding with the adapter is another draw than rounding without it, and of the same size.
  @Test
  void roundingElsewhereWithTheAdapterIsNoDefect() {
    LogitsSource base = source(0, 0);
    for (double rounding : new double[] {1e-4, 0.01, 0.03, 0.05}) {
      LogitsSource roundedBase = source(0, rounding, 5);
      for (int seed = 0; seed < 20; seed++) {
        LogitsSource right = source(1, rounding, 100 + seed);
        assertEquals(
            Verdict.PASSED, verify(HUNDRED, source(1, 0), base, right, roundedBase).verdict());
        LogitsSource wrong = source(1.4, rounding, 100 + seed);
        assertEquals(
            Verdict.FAILED, verify(HUNDRED, source(1, 0), base, wrong, roundedBase).verdict());
      }
    }
    assertEquals(
        Verdict.INCONCLUSIVE,
        verify(HUNDRED, source(1, 0), base, source(1, 0.3, 6), source(0, 0.3, 5)).verdict());
  }

  /// Single positions may differ by more than the limit, where together they differ by less than
  /// the adapter changes.
  @Test
  void singlePositionsAreNoDefect() {
    LogitsSource llama = source(0.1, 0);
    LogitsSource base = source(0, 0);
    Verification rare = verify(HUNDRED, llama, base, everyNth(25, 0.1, source(0.1, 0)), base);
    assertTrue(rare.unexplained().shareOf(rare.effect()) > 0.1, rare::toString);
    assertEquals(0, rare.differenceShare());
    assertEquals(Verdict.PASSED, rare.verdict());
    assertEquals(
        Verdict.FAILED,
        verify(HUNDRED, llama, base, everyNth(1, 0.005, source(0.1, 0)), base).verdict());
  }

  /// Differences larger than the adapter's effect, though at single positions, may be a defect that
  /// shows only there.
  @Test
  void largeDifferencesAtSinglePositionsProveNothing() {
    LogitsSource base = source(0, 0);
    Verification uneven =
        verify(HUNDRED, source(0.1, 0), base, everyNth(25, 0.5, source(0.1, 0)), base);
    assertEquals(Verdict.INCONCLUSIVE, uneven.verdict());
    assertTrue(uneven.isUneven());
    assertEquals(
        Verdict.PASSED,
        verify(
                HUNDRED,
                source(0.1, 0),
                base,
                everyNth(25, 0.5, source(0.1, 0)),
                everyNth(20, 0.5, base))
            .verdict());
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
    return new LogitsComparison(VOCABULARY, sequences, llama, llamaBase)
        .verification(
            new KeptLogits(VOCABULARY, sequences, trainer),
            trainerBase,
            new EffectComparison(new EffectComparison.Sensitivity()),
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
    return source(effect, noise, 99);
  }

  private static LogitsSource source(double effect, double noise, long seed) {
    Random noises = new Random(seed);
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
