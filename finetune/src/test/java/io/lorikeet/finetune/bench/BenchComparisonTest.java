package io.lorikeet.finetune.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.lorikeet.finetune.bench.BenchComparison.SpeedChange;
import io.lorikeet.finetune.bench.BenchComparison.SpeedVerdict;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BenchComparisonTest {

  @Test
  void aChangeCountsWhenItIsLargerThanWhatTheRoundsScatter() {
    List<Double> old = rounds(15, 0.8, 0.05, 1);
    assertEquals(SpeedVerdict.WITHIN_NOISE, SpeedChange.of(old, old).verdict());
    assertEquals(
        SpeedVerdict.WITHIN_NOISE, SpeedChange.of(old, rounds(15, 0.8, 0.05, 2)).verdict());
    assertEquals(SpeedVerdict.SLOWER, SpeedChange.of(old, rounds(15, 0.7, 0.05, 2)).verdict());
    assertEquals(SpeedVerdict.FASTER, SpeedChange.of(old, rounds(15, 0.9, 0.05, 2)).verdict());
    // Rounds that scatter by a third tell nothing about an eighth.
    assertEquals(
        SpeedVerdict.WITHIN_NOISE,
        SpeedChange.of(rounds(15, 0.8, 0.5, 1), rounds(15, 0.7, 0.5, 2)).verdict());
    // Nor do rounds that hardly scatter about less than two runs of the same build differ by.
    assertEquals(
        SpeedVerdict.WITHIN_NOISE,
        SpeedChange.of(rounds(15, 0.8, 1e-3, 1), rounds(15, 0.81, 1e-3, 2)).verdict());
  }

  @Test
  void runsOfTheSameBuildAreSeldomCalledDifferent() {
    long different =
        IntStream.range(0, 40)
            .filter(
                i ->
                    SpeedChange.of(rounds(15, 0.8, 0.1, 2 * i + 3), rounds(15, 0.8, 0.1, 2 * i + 4))
                            .verdict()
                        != SpeedVerdict.WITHIN_NOISE)
            .count();
    assertEquals(0, different, 2);
  }

  @Test
  void theShareIsOfTheMedians() {
    SpeedChange change = SpeedChange.of(List.of(1.0, 2.0, 9.0), List.of(1.0, 1.0, 0.5));
    assertEquals(0.5, change.share());
  }

  /// Relative speeds around a median, scattered evenly by a share of it on both sides.
  private static List<Double> rounds(int count, double median, double scatter, long seed) {
    DoubleStream places = new SplittableRandom(seed).doubles(count, -scatter, scatter);
    return places.map(place -> median * (1 + place)).boxed().toList();
  }
}
