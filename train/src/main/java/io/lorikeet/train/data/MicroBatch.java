package io.lorikeet.train.data;

import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.train.data.files.SourceLine;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;

/// Rows that are computed at once, laid out for the model, and where they come from.
///
/// @param tokens the rows; where the data has too few, the last rows are padding
/// @param rows examples of each row that isn't
public record MicroBatch(TokenBatch tokens, List<PackedRow> rows) {

  /// Lays out rows. Each example begins at position 0 and sees itself only, wherever its tokens
  /// stand in a tree. Padding has token 0 and no loss, and sees nothing but itself.
  ///
  /// @param rows at least one, at most `batchSize`
  /// @param batchSize rows of the batch
  /// @param context places of a row
  public static MicroBatch of(List<PackedRow> rows, int batchSize, int context) {
    if (rows.isEmpty() || rows.size() > batchSize) {
      throw new IllegalArgumentException(rows.size() + " rows for a batch of " + batchSize);
    }
    Layout layout = new Layout(Math.multiplyExact(batchSize, context));
    for (int row = 0; row < batchSize; row++) {
      int used = 0;
      if (row < rows.size()) {
        for (TokenTree tree : rows.get(row).trees()) {
          layout.place(tree, row * context, used);
          used += tree.places();
        }
      }
      layout.pad(row * context, used, context);
    }
    TokenBatch batch =
        new TokenBatch(
            batchSize,
            context,
            layout.tokens,
            layout.positions,
            layout.seenUntil,
            layout.targets,
            layout.weights,
            layout.adapted);
    return new MicroBatch(batch, List.copyOf(rows));
  }

  /// Tokens, padding excluded.
  public int usedPlaces() {
    return rows.stream().mapToInt(PackedRow::usedPlaces).sum();
  }

  /// Takes the places of the examples' tokens with loss.
  @FunctionalInterface
  public interface TargetVisitor {
    /// @param example its number in the batch, in the order of [#sources]
    /// @param token index in the example of the token that has loss
    /// @param place index in the batch of the place that predicts it
    void visit(int example, int token, int place);
  }

  /// Visits the tokens with loss of each example after the other. A place that several examples
  /// share comes for each of them.
  public void forEachTarget(TargetVisitor visitor) {
    int examples = 0;
    for (int row = 0; row < rows.size(); row++) {
      int start = row * tokens.context();
      for (TokenTree tree : rows.get(row).trees()) {
        int firstExample = examples;
        int firstPlace = start;
        tree.forEachTarget(
            (example, token, place) ->
                visitor.visit(firstExample + example, token, firstPlace + place));
        examples += tree.examples().size();
        start += tree.places();
      }
    }
  }

  /// The loss of each example, summed over its tokens by their weights, in the order of [#sources].
  ///
  /// @param losses of the batch's places, see [io.lorikeet.models.architecture.TransformerModel]
  public double[] exampleLosses(float[] losses) {
    List<TokenizedExample> examples = examples();
    double[] sums = new double[examples.size()];
    forEachTarget(
        (example, token, place) ->
            sums[example] += (double) examples.get(example).weights()[token] * losses[place]);
    return sums;
  }

  /// The losses of all examples, added up in their order.
  public double loss(float[] losses) {
    return DoubleStream.of(exampleLosses(losses)).reduce(0, Double::sum);
  }

  /// The examples, row by row.
  public List<TokenizedExample> examples() {
    return rows.stream().flatMap(row -> row.examples().stream()).toList();
  }

  /// Their numbers in the data set.
  public List<Integer> numbers() {
    return rows.stream().flatMap(row -> row.numbers().stream()).toList();
  }

  /// Where the examples stand, row by row.
  public List<SourceLine> sources() {
    List<SourceLine> sources = new ArrayList<>();
    for (PackedRow row : rows) {
      row.examples()
          .forEach(example -> sources.add(new SourceLine(example.source(), example.line())));
    }
    return sources;
  }

  private static final class Layout {
    private final int[] tokens;
    private final int[] positions;
    private final int[] seenUntil;
    private final int[] targets;
    private final float[] weights;
    private final boolean[] adapted;

    Layout(int size) {
      tokens = new int[size];
      positions = new int[size];
      seenUntil = new int[size];
      targets = new int[size];
      weights = new float[size];
      adapted = new boolean[size];
    }

    void place(TokenTree tree, int rowStart, int first) {
      for (int i = 0; i < tree.places(); i++) {
        int at = rowStart + first + i;
        tokens[at] = tree.token(i);
        positions[at] = tree.position(i);
        seenUntil[at] = first + tree.seenUntil(i);
        targets[at] = tree.target(i);
        weights[at] = tree.weight(i);
        adapted[at] = tree.isAdapted(i);
      }
    }

    void pad(int rowStart, int first, int context) {
      for (int i = first; i < context; i++) {
        seenUntil[rowStart + i] = i;
      }
    }
  }
}
