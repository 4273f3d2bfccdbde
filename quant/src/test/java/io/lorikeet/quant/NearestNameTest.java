package io.lorikeet.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NearestNameTest {

  @Test
  void findsWhatWasMeant() {
    List<String> known = List.of("rank", "target", "learning-rate", "seed");
    assertEquals(Optional.of("learning-rate"), NearestName.of("learningRate", known));
    assertEquals(Optional.of("target"), NearestName.of("targets", known));
    assertEquals(Optional.of("rank"), NearestName.of("rnak", known));
    assertEquals(Optional.empty(), NearestName.of("lora", known));
    assertEquals("; did you mean 'seed'?", NearestName.hint("sed", known));
  }

  @Test
  void findsTheWordsThatAreKnown() {
    List<String> known = List.of("rank", "expert-rank", "warmup", "steps", "temperature");
    assertEquals(Optional.of("rank"), NearestName.of("lora_rank", known));
    assertEquals(Optional.of("expert-rank"), NearestName.of("loraExpertRank", known));
    assertEquals(Optional.of("warmup"), NearestName.of("warmup_steps", known));
    assertEquals(Optional.of("temperature"), NearestName.of("temp", known));
    assertEquals(Optional.empty(), NearestName.of("t", known));
    assertEquals(Optional.empty(), NearestName.of("frankness", known));
  }

  @Test
  void separatorsAreNoSlips() {
    List<String> known = List.of("Q4_0", "Q4_K_S", "Q4_K_M", "Q5_K_M");
    assertEquals(Optional.of("Q4_K_M"), NearestName.of("q4-km", known));
    assertEquals(Optional.of("Q5_K_M"), NearestName.of("Q5KM", known));
  }

  @Test
  void distanceCountsSlips() {
    assertEquals(0, NearestName.distance("", ""));
    assertEquals(3, NearestName.distance("abc", ""));
    assertEquals(1, NearestName.distance("abcd", "abdc"));
    assertEquals(3, NearestName.distance("kitten", "sitting"));
  }
}
