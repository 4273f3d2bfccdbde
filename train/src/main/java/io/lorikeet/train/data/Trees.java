package io.lorikeet.train.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/// Which examples are laid out together, as one [TokenTree].
///
/// @param members examples by their numbers, tree after tree
/// @param ends for each tree the place in `members` behind its last example
/// @param places places that each tree takes
/// @param shares whether examples share what they begin with
record Trees(int[] members, int[] ends, int[] places, boolean shares) {

  /// Each example for itself.
  static Trees single(int count, IntUnaryOperator places) {
    int[] numbers = IntStream.range(0, count).toArray();
    int[] ends = IntStream.rangeClosed(1, count).toArray();
    return new Trees(numbers, ends, IntStream.range(0, count).map(places).toArray(), true);
  }

  /// Both answers of each pair, one after the other.
  static Trees pairs(int count, IntUnaryOperator places) {
    int pairs = count / 2;
    return new Trees(
        IntStream.range(0, count).toArray(),
        IntStream.rangeClosed(1, pairs).map(pair -> 2 * pair).toArray(),
        IntStream.range(0, pairs)
            .map(pair -> places.applyAsInt(2 * pair) + places.applyAsInt(2 * pair + 1))
            .toArray(),
        false);
  }

  /// The texts of each line, one after the other.
  ///
  /// @param continues whether a text is of the same line as the one before it
  static Trees lines(int count, IntUnaryOperator places, IntPredicate continues) {
    int[] lastOfLines =
        IntStream.rangeClosed(1, count).filter(i -> i == count || !continues.test(i)).toArray();
    int[] treePlaces = new int[lastOfLines.length];
    for (int i = 0, line = 0; i < count; i++) {
      line += i == lastOfLines[line] ? 1 : 0;
      treePlaces[line] += places.applyAsInt(i);
    }
    return new Trees(IntStream.range(0, count).toArray(), lastOfLines, treePlaces, false);
  }

  /// Examples that are turns of one chat together, as far as they fit into a row.
  ///
  /// @param continues whether an example is of the same chat as the one before it
  /// @param context places of a row
  static Trees sharing(
      int count,
      IntUnaryOperator places,
      IntPredicate continues,
      IntFunction<TokenizedExample> examples,
      int context) {
    int[] members = new int[count];
    int[] ends = new int[count];
    int[] treePlaces = new int[count];
    int trees = 0;
    for (int from = 0, to; from < count; from = to) {
      to = from + 1;
      while (to < count && continues.test(to)) {
        to++;
      }
      if (to - from == 1) {
        members[from] = from;
        treePlaces[trees] = places.applyAsInt(from);
        ends[trees++] = to;
        continue;
      }
      List<Numbered> chat = sorted(from, to, examples);
      for (int i = from; i < to; i++) {
        members[i] = chat.get(i - from).number();
      }
      int end = from;
      for (TokenTree tree :
          TokenTree.within(chat.stream().map(Numbered::example).toList(), context)) {
        end += tree.examples().size();
        treePlaces[trees] = tree.places();
        ends[trees++] = end;
      }
    }
    return new Trees(members, Arrays.copyOf(ends, trees), Arrays.copyOf(treePlaces, trees), true);
  }

  private record Numbered(int number, TokenizedExample example) {}

  /// By their tokens: those with the longest common beginnings are neighbours then.
  private static List<Numbered> sorted(int from, int to, IntFunction<TokenizedExample> examples) {
    List<Numbered> chat = new ArrayList<>();
    for (int i = from; i < to; i++) {
      chat.add(new Numbered(i, examples.apply(i)));
    }
    chat.sort(Comparator.comparing(one -> one.example().tokens(), Arrays::compare));
    return chat;
  }

  int count() {
    return ends.length;
  }

  /// The examples of a tree by their numbers, in their order.
  IntStream numbers(int tree) {
    return Arrays.stream(members, tree == 0 ? 0 : ends[tree - 1], ends[tree]);
  }

  /// A tree, laid out.
  TokenTree get(int tree, IntFunction<TokenizedExample> examples) {
    List<TokenizedExample> together = numbers(tree).mapToObj(examples).toList();
    return shares ? TokenTree.of(together) : TokenTree.apart(together);
  }
}
