package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.DataSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class DataSplitTest {

  /// No text, and no text that differs by capitals, spaces or punctuation alone, is on both sides.
  @RepeatedTest(10)
  void nothingIsOnBothSides() throws IOException {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    int count = 50 + random.nextInt(200);
    List<String> texts =
        random.ints(count, 0, count).mapToObj(i -> variant(random, "Text number " + i)).toList();
    Corpus corpus = corpus(texts);
    int wanted = 1 + random.nextInt(20); // of at least 50
    DataSplit split = new DataSplit(corpus, seed);
    IntPredicate measured = split.measured(wanted);
    Set<String> measuredTexts = new HashSet<>();
    Set<String> trainedTexts = new HashSet<>();
    for (int i = 0; i < count; i++) {
      (measured.test(i) ? measuredTexts : trainedTexts).add(plain(texts.get(i)));
    }
    int different = measuredTexts.size();
    assertTrue(measuredTexts.removeAll(trainedTexts) || different > 0, "seed " + seed);
    assertEquals(different, measuredTexts.size(), "seed " + seed);
    int found = split.where(measured).length;
    assertTrue(found >= 1 && found <= wanted + 10, "seed " + seed + ": " + found);
  }

  /// The seed and the examples decide, not their order.
  @Test
  void theOrderOfTheDataIsWithoutMeaning() throws IOException {
    List<String> texts = IntStream.range(0, 100).mapToObj(i -> "number " + i).toList();
    Corpus corpus = corpus(texts);
    Corpus turned = corpus(texts.reversed());
    int[] chosen = new DataSplit(corpus, 7).where(new DataSplit(corpus, 7).measured(10));
    int[] other = new DataSplit(turned, 7).where(new DataSplit(turned, 7).measured(10));
    assertEquals(10, chosen.length);
    assertEquals(
        Arrays.stream(chosen).boxed().toList(),
        Arrays.stream(other).map(i -> 99 - i).sorted().boxed().toList());
    assertNotEquals(
        Arrays.stream(chosen).boxed().toList(),
        Arrays.stream(new DataSplit(corpus, 8).where(new DataSplit(corpus, 8).measured(10)))
            .boxed()
            .toList());
  }

  @Test
  void equalExamplesCannotBeDivided() throws IOException {
    Corpus corpus = corpus(List.of("a b", "A  b.", "a b"));
    String message =
        assertThrows(InvalidInputException.class, () -> new DataSplit(corpus, 1).measured(1))
            .getMessage();
    assertTrue(message.contains("all examples of the data are the same"), message);
  }

  @Test
  void moreThanThereAreCannotBeTaken() throws IOException {
    DataSplit split = new DataSplit(corpus(List.of("a", "b", "c")), 1);
    String message =
        assertThrows(InvalidInputException.class, () -> split.measured(3)).getMessage();
    assertEquals(
        "validation: 3 examples can't be taken out of 3; none would be left to train on", message);
    assertEquals(2, split.where(split.measured(2)).length);
  }

  @Test
  void weightsRepeatAndThin() throws IOException {
    Corpus corpus = corpus(IntStream.range(0, 2000).mapToObj(i -> "number " + i).toList());
    int[] all = IntStream.range(0, 2000).toArray();
    DataSplit split = new DataSplit(corpus, 3);
    assertEquals(4000, split.weighted(all, weight(2)).length);
    int[] half = split.weighted(all, weight(0.5));
    assertEquals(1000, half.length, 100);
    assertEquals(half.length, Arrays.stream(half).distinct().count());
    int[] more = split.weighted(all, weight(1.5));
    assertEquals(2000 + half.length, more.length);
  }

  @Test
  void findsDuplicates() throws IOException {
    Corpus corpus =
        corpus(List.of("one", "two", "ONE!", "three - 1", "two", "three + 1", "two", "1 2", "12"));
    Duplicates duplicates = Duplicates.in(corpus, IntStream.range(0, 9).toArray());
    assertEquals(2, duplicates.exact());
    assertEquals(1, duplicates.near());
    assertEquals("f:3 repeats f:1", duplicates.first());
    assertEquals(9, duplicates.examples());
  }

  /// Two turns of a chat, which share their beginning only where they follow each other.
  @Test
  void whatOneExampleBecameIsWeightedTogether() throws IOException {
    try (TokenStoreWriter writer =
        new TokenStoreWriter(Path.of("never written"), false, TokenStoreWriter.SMALL)) {
      for (int number : new int[] {0, 0, 1}) {
        TokenizedExample example = new TokenizedExample(new int[] {1, 2, 3}, 2, "f", 1 + number);
        writer.add(example, number, 3, Fingerprint.of("chat " + number));
      }
      Corpus corpus = new Corpus(List.of(writer.finish(List.of())));
      int[] twice = new DataSplit(corpus, 1).weighted(new int[] {0, 1, 2}, weight(2));
      assertArrayEquals(new int[] {0, 1, 0, 1, 2, 2}, twice);
      DataSet rows = DataSet.of(corpus, twice, 100, DataSet.Packing.ROWS_AND_BEGINNINGS);
      assertEquals(2 + 2 + 2 + 2, rows.tokens());
      assertEquals(4, rows.sharedTokens());
      assertEquals(6, rows.targets());
    }
  }

  private static List<DataSource> weight(double weight) {
    return List.of(new DataSource("f", weight, Optional.empty()));
  }

  private static String variant(Random random, String text) {
    return switch (random.nextInt(4)) {
      case 0 -> text.toUpperCase(Locale.ROOT);
      case 1 -> " " + text.replace(" ", "  ") + ".";
      case 2 -> "\u201c" + text + "\u201d!";
      default -> text;
    };
  }

  private static String plain(String text) {
    return text.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9 ]", "").strip().replaceAll(" +", " ");
  }

  private static Corpus corpus(List<String> texts) throws IOException {
    try (TokenStoreWriter writer =
        new TokenStoreWriter(Path.of("never written"), false, TokenStoreWriter.SMALL)) {
      for (int i = 0; i < texts.size(); i++) {
        TokenizedExample example = new TokenizedExample(new int[] {1, i}, 1, "f", i + 1);
        writer.add(example, i, 2, Fingerprint.of(texts.get(i)));
      }
      return new Corpus(List.of(writer.finish(List.of())));
    }
  }
}
