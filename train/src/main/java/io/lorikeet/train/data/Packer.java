package io.lorikeet.train.data;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Puts examples into rows.
public final class Packer {
  private Packer() {}

  /// Best-fit decreasing: the longest examples first, each into the row that it fills best (the
  /// least room that is enough), else into a new one. Of equals the first comes first, so the same
  /// examples give the same rows.
  ///
  /// @param context places of a row
  /// @throws IllegalArgumentException if an example is longer than a row
  public static List<PackedRow> pack(List<TokenizedExample> examples, int context) {
    List<TokenizedExample> longestFirst = new ArrayList<>(examples);
    longestFirst.sort(Comparator.comparingInt(TokenizedExample::places).reversed());
    List<List<TokenizedExample>> rows = new ArrayList<>();
    TreeMap<Integer, Deque<List<TokenizedExample>>> rowsByRoom = new TreeMap<>();
    for (TokenizedExample example : longestFirst) {
      int places = example.places();
      checkFits(example, context);
      Map.Entry<Integer, Deque<List<TokenizedExample>>> best = rowsByRoom.ceilingEntry(places);
      int room = best == null ? context : best.getKey();
      List<TokenizedExample> row;
      if (best == null) {
        row = new ArrayList<>();
        rows.add(row);
      } else {
        row = best.getValue().removeFirst();
        if (best.getValue().isEmpty()) {
          rowsByRoom.remove(room);
        }
      }
      row.add(example);
      if (room > places) {
        rowsByRoom.computeIfAbsent(room - places, _ -> new ArrayDeque<>()).addLast(row);
      }
    }
    return rows.stream().map(PackedRow::new).toList();
  }

  /// One example in each row, in their order.
  public static List<PackedRow> single(List<TokenizedExample> examples, int context) {
    examples.forEach(example -> checkFits(example, context));
    return examples.stream().map(example -> new PackedRow(List.of(example))).toList();
  }

  private static void checkFits(TokenizedExample example, int context) {
    if (example.places() > context) {
      throw new IllegalArgumentException(
          example.source()
              + ":"
              + example.line()
              + " takes "
              + example.places()
              + " places, a row has "
              + context);
    }
  }
}
