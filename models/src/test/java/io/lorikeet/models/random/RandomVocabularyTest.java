package io.lorikeet.models.random;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class RandomVocabularyTest {
  @Test
  void hasNoDuplicates() {
    List<String> pieces = RandomVocabulary.pieces(40000);
    assertEquals(40000, new HashSet<>(pieces).size());
    assertTrue(pieces.subList(0, 600).contains("\u2581the"));
    assertTrue(pieces.contains("\u2581abc"));
  }
}
