package io.lorikeet.finetune.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RoundsTest {

  @Test
  void everythingRunsOnceInEachRound() {
    List<String> ran = new ArrayList<>();
    Map<String, Runnable> work = new LinkedHashMap<>();
    for (String name : List.of("step", "forward")) {
      work.put(name, () -> ran.add(name));
    }
    Rounds rounds = Rounds.of(3, work, _ -> {});
    assertEquals(List.of("step", "forward", "step", "forward", "step", "forward"), ran);
    rounds.seconds().values().forEach(seconds -> assertEquals(3, seconds.size()));
  }

  @Test
  void ratiosAreOfTheSameRound() {
    Map<String, List<Double>> seconds =
        Map.of("step", List.of(4.0, 8.0, 2.0), "forward", List.of(2.0, 4.0, 2.0));
    Rounds rounds = new Rounds(seconds, Optional.empty());
    assertEquals(List.of(0.5, 0.5, 1.0), rounds.ratios("step", "forward"));
    assertEquals(25, rounds.perSecond("step", 100).median());
  }

  @Test
  void quartilesLieBetweenNeighbours() {
    assertEquals(new Quartiles(1.75, 2.5, 3.25), Quartiles.of(List.of(4.0, 1.0, 3.0, 2.0)));
    assertEquals(new Quartiles(7, 7, 7), Quartiles.of(List.of(7.0)));
  }

  @Test
  void warmingUpEnds() {
    List<Integer> calls = new ArrayList<>();
    Rounds.warmUp(() -> calls.add(1));
    assertEquals(12, calls.size());
  }

  @Test
  void loadIsWhatOthersTookOfTheProcessorsTime() {
    // user nice system idle iowait irq softirq steal, in hundredths of a second
    MachineLoad.Reading before = reading("cpu  1000 0 100 5000 10 0 0 40 0 0", 3);
    MachineLoad.Reading quiet = reading("cpu  1180 0 120 5200 10 0 0 40 0 0", 5);
    MachineLoad.Reading busy = reading("cpu  1230 0 120 5010 10 0 0 190 0 0", 5);
    assertEquals(new MachineLoad(0, 0), before.until(quiet));
    assertTrue(before.until(quiet).warning().isEmpty());
    MachineLoad load = before.until(busy);
    assertEquals(0.5 / 4.1, load.others(), 1e-9);
    assertEquals(1.5 / 4.1, load.stolen(), 1e-9);
    assertTrue(load.warning().orElseThrow().contains("12 %"), load.warning().orElseThrow());
    assertFalse(MachineLoad.Reading.parse("intr 1 2 3", 0).isPresent());
  }

  private static MachineLoad.Reading reading(String line, double own) {
    return MachineLoad.Reading.parse(line, own).orElseThrow();
  }
}
