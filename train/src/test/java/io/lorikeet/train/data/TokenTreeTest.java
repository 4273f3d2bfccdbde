package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TokenTreeTest {

  @Test
  void tokensThatExamplesBeginWithAreThereOnce() {
    TokenTree tree = TokenTree.of(List.of(example(2, 1, 2, 3, 4, 9), example(4, 1, 2, 5, 6, 8)));
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6}, all(tree, tree::token));
    assertArrayEquals(new int[] {0, 1, 2, 3, 2, 3}, all(tree, tree::position));
    assertArrayEquals(new int[] {5, 5, 3, 3, 5, 5}, all(tree, tree::seenUntil));
    // 5 follows 2, too, but has no loss.
    assertArrayEquals(new int[] {2, 3, 4, 9, 6, 8}, all(tree, tree::target));
    assertArrayEquals(new int[] {0, 1, 1, 1, 0, 1}, all(tree, place -> (int) tree.weight(place)));
    assertEquals(4, tree.targets());
  }

  @Test
  void aTokenFollowedByTwoThatAreLearnedIsThereTwice() {
    TokenTree tree =
        TokenTree.of(
            List.of(example(2, 1, 2, 3, 9), example(2, 1, 2, 5, 8), example(3, 1, 2, 5, 7)));
    assertArrayEquals(new int[] {1, 2, 3, 2, 5, 5}, all(tree, tree::token));
    assertArrayEquals(new int[] {0, 1, 2, 1, 2, 2}, all(tree, tree::position));
    assertArrayEquals(new int[] {5, 2, 2, 5, 4, 5}, all(tree, tree::seenUntil));
    assertArrayEquals(new int[] {2, 3, 9, 5, 8, 7}, all(tree, tree::target));
    assertArrayEquals(new int[] {0, 1, 1, 1, 1, 1}, all(tree, place -> (int) tree.weight(place)));
  }

  @Test
  void whatTwoExamplesLearnCountsTwice() {
    TokenTree tree = TokenTree.of(List.of(example(1, 1, 2, 3), example(1, 1, 2, 3, 4)));
    assertArrayEquals(new int[] {1, 2, 3}, all(tree, tree::token));
    assertArrayEquals(new int[] {2, 2, 1}, all(tree, place -> (int) tree.weight(place)));
    assertEquals(5, tree.targets());
  }

  /// Each example has each of its tokens with loss at a place that predicts it, shared or not.
  @Test
  void everyTargetIsVisitedForItsExample() {
    List<TokenizedExample> examples =
        List.of(
            example(1, 1, 2, 3, 4),
            example(1, 1, 2, 3), // ends within the one before
            example(2, 1, 2, 5, 8),
            example(3, 1, 2, 5, 7));
    TokenTree tree = TokenTree.of(examples);
    int[] weights = new int[tree.places()];
    List<String> visits = new ArrayList<>();
    tree.forEachTarget(
        (example, token, place) -> {
          weights[place]++;
          assertEquals(token - 1, tree.position(place));
          assertEquals(examples.get(example).tokens()[token], tree.target(place));
          visits.add(example + ":" + token);
        });
    assertArrayEquals(all(tree, place -> (int) tree.weight(place)), weights);
    assertEquals(List.of("0:1", "0:2", "0:3", "1:1", "1:2", "2:2", "2:3", "3:3"), visits);
  }

  @Test
  void asFewTreesAsFit() {
    List<TokenizedExample> examples =
        List.of(example(3, 1, 2, 3, 4), example(3, 1, 2, 5, 6), example(3, 1, 2, 7, 8));
    assertEquals(List.of(3), sizes(TokenTree.within(examples, 5)));
    assertEquals(List.of(2, 1), sizes(TokenTree.within(examples, 4)));
    assertEquals(List.of(1, 1, 1), sizes(TokenTree.within(examples, 3)));
    assertThrows(IllegalArgumentException.class, () -> TokenTree.of(List.of()));
  }

  /// Neighbours are those that share most, whatever the order of the turns.
  @Test
  void examplesAreSortedByWhatTheyBeginWith() {
    List<TokenizedExample> examples =
        List.of(example(4, 1, 7, 7, 7, 2), example(4, 1, 3, 3, 3, 2), example(4, 1, 7, 7, 7, 5, 2));
    DataSet data = DataSet.of(examples, 100, DataSet.Packing.ROWS_AND_BEGINNINGS);
    assertEquals(1, data.rows().size());
    assertEquals(4 + 3 + 2, data.tokens()); // 7 is learned to be followed by 2 and by 5
    assertEquals(13 - 9, data.sharedTokens());
  }

  private static List<Integer> sizes(List<TokenTree> trees) {
    return trees.stream().map(tree -> tree.examples().size()).toList();
  }

  private static int[] all(TokenTree tree, IntUnaryOperator field) {
    return IntStream.range(0, tree.places()).map(field).toArray();
  }

  private static TokenizedExample example(int prompt, int... tokens) {
    return new TokenizedExample(tokens, prompt, "f", 1);
  }
}
