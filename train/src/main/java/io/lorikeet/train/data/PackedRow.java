package io.lorikeet.train.data;

import java.util.List;

/// A row of a batch: whole examples one after the other, then padding.
///
/// @param examples in the order of their places; together they take no more places than the row has
public record PackedRow(List<TokenizedExample> examples) {
  public PackedRow {
    examples = List.copyOf(examples);
  }

  /// Places taken, padding excluded.
  public int usedPlaces() {
    return examples.stream().mapToInt(TokenizedExample::places).sum();
  }

  /// Tokens with loss.
  public int targets() {
    return examples.stream().mapToInt(TokenizedExample::targets).sum();
  }
}
