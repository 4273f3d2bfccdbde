package io.lorikeet.train.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Examples whose common beginnings are computed once: a tree of tokens, laid out depth first for a
/// row, see [io.lorikeet.models.architecture.TokenBatch]. One example alone is a tree without
/// branches.
///
/// They share no token that the adapter acts on in one of them only. A place predicts one token.
/// Where two examples go on with different ones that both have loss, the second has a place of its
/// own for the last token they share. So the loss and its gradient are those of the examples apart.
public final class TokenTree {
  private final List<TokenizedExample> examples;
  private final List<Integer> ends; // the last place of each example
  private final int[] tokens;
  private final int[] positions;
  private final int[] seenUntil;
  private final int[] targets;
  private final float[] weights;
  private final boolean[] adapted;

  private TokenTree(Builder builder) {
    examples = List.copyOf(builder.examples);
    ends = List.copyOf(builder.ends);
    int places = builder.places;
    tokens = Arrays.copyOf(builder.tokens, places);
    positions = Arrays.copyOf(builder.positions, places);
    seenUntil = Arrays.copyOf(builder.seenUntil, places);
    targets = Arrays.copyOf(builder.targets, places);
    weights = Arrays.copyOf(builder.weights, places);
    adapted = Arrays.copyOf(builder.adapted, places);
  }

  /// All examples as one tree. Each shares what it can with the one before it, so those that begin
  /// alike should follow each other.
  public static TokenTree of(List<TokenizedExample> examples) {
    int places = examples.stream().mapToInt(TokenizedExample::places).sum();
    List<TokenTree> trees = within(examples, places);
    if (trees.size() != 1) {
      throw new IllegalArgumentException("a tree without examples");
    }
    return trees.getFirst();
  }

  /// All examples one after the other, none of which shares anything.
  static TokenTree apart(List<TokenizedExample> examples) {
    Builder builder = new Builder(Integer.MAX_VALUE, false);
    examples.forEach(builder::add);
    return builder.finish();
  }

  /// As few trees as the examples in their order fit into.
  ///
  /// @param most places of a tree; none of the examples has more
  static List<TokenTree> within(List<TokenizedExample> examples, int most) {
    List<TokenTree> trees = new ArrayList<>();
    Builder builder = new Builder(most, true);
    for (TokenizedExample example : examples) {
      if (!builder.add(example)) {
        trees.add(builder.finish());
        builder = new Builder(most, true);
        builder.add(example);
      }
    }
    if (!builder.examples.isEmpty()) {
      trees.add(builder.finish());
    }
    return trees;
  }

  /// The examples, in the order in which they stand in the tree.
  public List<TokenizedExample> examples() {
    return examples;
  }

  /// Places that the tree takes of a row.
  public int places() {
    return tokens.length;
  }

  /// Tokens with loss of all examples.
  public int targets() {
    return examples.stream().mapToInt(TokenizedExample::targets).sum();
  }

  int token(int place) {
    return tokens[place];
  }

  /// Tokens before this one in its examples.
  int position(int place) {
    return positions[place];
  }

  /// The last place whose token comes after this one in an example.
  int seenUntil(int place) {
    return seenUntil[place];
  }

  /// The token to be predicted; any token where the weight is 0.
  int target(int place) {
    return targets[place];
  }

  /// Sum of the weights that the target has in the examples.
  float weight(int place) {
    return weights[place];
  }

  /// Whether the adapter acts on the token.
  boolean isAdapted(int place) {
    return adapted[place];
  }

  /// Takes the places of the examples' tokens with loss.
  @FunctionalInterface
  interface TreeVisitor {
    /// @param example its number in the tree
    /// @param token index in the example of the token that has loss
    /// @param place where it is predicted
    void visit(int example, int token, int place);
  }

  /// Visits the tokens with loss of each example after the other. A place that several examples
  /// share comes for each of them.
  void forEachTarget(TreeVisitor visitor) {
    for (int i = 0; i < examples.size(); i++) {
      int end = ends.get(i);
      for (int place = 0; place <= end; place++) {
        boolean inExample = place == end || seenUntil[place] >= end;
        if (inExample && examples.get(i).trains(positions[place] + 1)) {
          visitor.visit(i, positions[place] + 1, place);
        }
      }
    }
  }

  /// Adds one example after the other: each leaves the path of the one before where it must.
  private static final class Builder {
    private final int most;
    private final boolean shares;
    private final List<TokenizedExample> examples = new ArrayList<>();
    private final List<Integer> ends = new ArrayList<>();
    private int[] tokens = new int[64];
    private int[] positions = new int[64];
    private int[] seenUntil = new int[64];
    private int[] targets = new int[64];
    private float[] weights = new float[64];
    private boolean[] adapted = new boolean[64];
    private int places;
    private int[] path = new int[64]; // the places of the last example's tokens
    private int depth; // of that path

    Builder(int most, boolean shares) {
      this.most = most;
      this.shares = shares;
    }

    /// @return whether there was room for it
    boolean add(TokenizedExample example) {
      int shared = shares ? sharedPlaces(example) : 0;
      int wanted = places + example.places() - shared;
      if (wanted > most) {
        return false;
      }
      reserve(wanted, example.places());
      endFrom(shared);
      for (; depth < example.places(); depth++) {
        tokens[places] = example.tokens()[depth];
        positions[places] = depth;
        adapted[places] = depth >= example.adaptedFrom();
        path[depth] = places++;
      }
      for (int i = 0; i < depth; i++) {
        if (example.trains(i + 1) || i >= shared) {
          targets[path[i]] = example.tokens()[i + 1];
          weights[path[i]] += example.weights()[i + 1];
        }
      }
      examples.add(example);
      ends.add(path[depth - 1]);
      return true;
    }

    /// How far an example can go along the path.
    private int sharedPlaces(TokenizedExample example) {
      int[] ids = example.tokens();
      int shared = 0;
      while (shared < Math.min(depth, example.places())
          && tokens[path[shared]] == ids[shared]
          && adapted[path[shared]] == shared >= example.adaptedFrom()
          && !(example.trains(shared + 1) && predictsAnother(path[shared], ids[shared + 1]))) {
        shared++;
      }
      return shared;
    }

    private boolean predictsAnother(int place, int target) {
      return weights[place] > 0 && targets[place] != target;
    }

    private void endFrom(int shared) {
      for (int i = shared; i < depth; i++) {
        seenUntil[path[i]] = places - 1;
      }
      depth = shared;
    }

    private void reserve(int placesInAll, int length) {
      if (placesInAll > tokens.length) {
        int size = Math.max(placesInAll, 2 * tokens.length);
        tokens = Arrays.copyOf(tokens, size);
        positions = Arrays.copyOf(positions, size);
        seenUntil = Arrays.copyOf(seenUntil, size);
        targets = Arrays.copyOf(targets, size);
        weights = Arrays.copyOf(weights, size);
        adapted = Arrays.copyOf(adapted, size);
      }
      if (length > path.length) {
        path = Arrays.copyOf(path, Math.max(length, 2 * path.length));
      }
    }

    TokenTree finish() {
      endFrom(0);
      return new TokenTree(this);
    }
  }
}
