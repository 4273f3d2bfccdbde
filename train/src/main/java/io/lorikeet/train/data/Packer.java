package io.lorikeet.train.data;

import java.util.Arrays;
import java.util.BitSet;
import java.util.function.IntUnaryOperator;

/// Puts what takes several places, examples or trees of them, into rows.
final class Packer {
  private Packer() {}

  /// Which examples share a row.
  ///
  /// @param order the examples by their numbers, row after row
  /// @param ends for each row the place in `order` behind its last example
  record RowPacking(int[] order, int[] ends) {}

  /// Best-fit decreasing: the longest examples first, each into the row that it fills best (the
  /// least room that is enough), else into a new one. Of equals the first comes first, so the same
  /// examples give the same rows.
  ///
  /// @param places places that each example takes, from 1 to `context`
  /// @param context places of a row
  static RowPacking pack(int count, IntUnaryOperator places, int context) {
    int[] longestFirst = longestFirst(count, places, context);
    int[] rowOf = new int[count];
    Rooms rooms = new Rooms(count, context);
    int rows = 0;
    for (int example : longestFirst) {
      int taken = places.applyAsInt(example);
      int room = rooms.least(taken);
      int row = room > context ? rows++ : rooms.take(room);
      rowOf[example] = row;
      rooms.give(Math.min(room, context) - taken, row);
    }
    return byRow(longestFirst, rowOf, rows);
  }

  /// One example in each row, in their order.
  static RowPacking single(int count) {
    int[] order = new int[count];
    Arrays.setAll(order, i -> i);
    int[] ends = new int[count];
    Arrays.setAll(ends, i -> i + 1);
    return new RowPacking(order, ends);
  }

  /// Sorted by counting.
  private static int[] longestFirst(int count, IntUnaryOperator places, int context) {
    int[] starts = new int[context + 2];
    for (int i = 0; i < count; i++) {
      starts[context - places.applyAsInt(i) + 1]++;
    }
    for (int i = 1; i < starts.length; i++) {
      starts[i] += starts[i - 1];
    }
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      order[starts[context - places.applyAsInt(i)]++] = i;
    }
    return order;
  }

  private static RowPacking byRow(int[] longestFirst, int[] rowOf, int rows) {
    int[] ends = new int[rows];
    for (int row : rowOf) {
      ends[row]++;
    }
    for (int row = 1; row < rows; row++) {
      ends[row] += ends[row - 1];
    }
    int[] next = new int[rows];
    for (int row = 1; row < rows; row++) {
      next[row] = ends[row - 1];
    }
    int[] order = new int[longestFirst.length];
    for (int example : longestFirst) {
      order[next[rowOf[example]]++] = example;
    }
    return new RowPacking(order, ends);
  }

  /// Rows by the room that is left in them, those with the same room in a queue.
  private static final class Rooms {
    private final BitSet present;
    private final int[] first;
    private final int[] last;
    private final int[] next;
    private final int full;

    Rooms(int rows, int context) {
      present = new BitSet(context + 1);
      first = new int[context + 1];
      last = new int[context + 1];
      next = new int[rows];
      full = context + 1;
    }

    /// The least room that is enough; more than a row has if there is none.
    int least(int places) {
      int room = present.nextSetBit(places);
      return room < 0 ? full : room;
    }

    int take(int room) {
      int row = first[room];
      if (row == last[room]) {
        present.clear(room);
      } else {
        first[room] = next[row];
      }
      return row;
    }

    void give(int room, int row) {
      if (room == 0) {
        return;
      }
      if (present.get(room)) {
        next[last[room]] = row;
      } else {
        present.set(room);
        first[room] = row;
      }
      last[room] = row;
    }
  }
}
