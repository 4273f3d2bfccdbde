package io.lorikeet.train;

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
  void distanceCountsSlips() {
    assertEquals(0, NearestName.distance("", ""));
    assertEquals(3, NearestName.distance("abc", ""));
    assertEquals(1, NearestName.distance("abcd", "abdc"));
    assertEquals(3, NearestName.distance("kitten", "sitting"));
  }
}
