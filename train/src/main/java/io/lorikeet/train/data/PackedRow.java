package io.lorikeet.train.data;

import java.util.List;

/// A row of a batch: examples one after the other, or in trees where they begin alike, then
/// padding.
///
/// @param trees in the order of their places; together they take no more places than the row has
/// @param numbers of the examples in their data set, in the order of [#examples]
public record PackedRow(List<TokenTree> trees, List<Integer> numbers) {
  public PackedRow {
    trees = List.copyOf(trees);
    numbers = List.copyOf(numbers);
  }

  /// A row with the one example of a data set in it.
  public static PackedRow of(TokenizedExample example) {
    return new PackedRow(List.of(TokenTree.of(List.of(example))), List.of(0));
  }

  /// The examples in it.
  public List<TokenizedExample> examples() {
    return trees.stream().flatMap(tree -> tree.examples().stream()).toList();
  }

  /// Places taken, padding excluded.
  public int usedPlaces() {
    return trees.stream().mapToInt(TokenTree::places).sum();
  }

  /// Tokens with loss.
  public int targets() {
    return trees.stream().mapToInt(TokenTree::targets).sum();
  }
}
