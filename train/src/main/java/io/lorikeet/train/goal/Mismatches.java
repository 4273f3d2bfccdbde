package io.lorikeet.train.goal;

import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.Judgement;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.Shuffle;
import io.lorikeet.train.data.TokenizedExample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/// Prompts with answers to other prompts, on which KTO measures how far the adapter is from its
/// reference. Each example of a data set has one, whose answer is that of another example; the seed
/// draws which.
public final class Mismatches {
  /// Examples whose mismatches are laid out together.
  private static final int AT_ONCE = 256;

  private final DataSet data;
  private final int batchSize;
  private final int[] partners;

  /// @param data with at least two examples
  /// @param batchSize rows of a batch
  public Mismatches(DataSet data, int batchSize, long seed) {
    this.data = data;
    this.batchSize = batchSize;
    int[] order = Shuffle.order(data.examples(), seed, 0);
    partners = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      partners[order[i]] = order[(i + 1) % order.length];
    }
  }

  /// The prompt of an example with the answer of another, cut where the row ends.
  TokenizedExample of(int number) {
    TokenizedExample own = data.example(number);
    TokenizedExample other = data.example(partners[number]);
    int prompt = answerStart(own);
    int start = answerStart(other);
    int length = Math.min(data.context() + 1, prompt + other.tokens().length - start);
    int[] tokens = Arrays.copyOf(own.tokens(), length);
    float[] weights = new float[length];
    System.arraycopy(other.tokens(), start, tokens, prompt, length - prompt);
    System.arraycopy(other.weights(), start, weights, prompt, length - prompt);
    return new TokenizedExample(
        tokens, weights, own.source(), own.line(), Judgement.NONE, own.adaptedFrom());
  }

  private static int answerStart(TokenizedExample example) {
    int start = 1;
    while (!example.trains(start)) {
      start++;
    }
    return start;
  }

  /// Their log probabilities.
  ///
  /// @param numbers of the examples that they belong to
  /// @param done told how many are done
  private double[] logps(TransformerModel model, List<Integer> numbers, IntConsumer done) {
    double[] logps = new double[numbers.size()];
    for (int first = 0; first < logps.length; first += AT_ONCE) {
      List<Integer> some = numbers.subList(first, Math.min(logps.length, first + AT_ONCE));
      DataSet rows =
          DataSet.of(some.stream().map(this::of).toList(), data.context(), DataSet.Packing.ROWS);
      for (MicroBatch batch : rows.longBatches(batchSize)) {
        double[] losses = batch.exampleLosses(model.losses(batch.tokens()));
        for (int i = 0; i < losses.length; i++) {
          logps[first + batch.numbers().get(i)] = -losses[i];
        }
      }
      done.accept(first + some.size());
    }
    return logps;
  }

  /// Their log probabilities with the reference, by the numbers of the examples.
  ///
  /// @param done told how many are done
  public double[] reference(TransformerModel model, IntConsumer done) {
    return logps(model, IntStream.range(0, data.examples()).boxed().toList(), done);
  }

  /// These, and their log probabilities with the reference.
  public record Measured(Mismatches mismatches, double[] reference) {
    /// How far a model is from the reference on the mismatches of some batches' examples: the mean
    /// difference of log probabilities, 0 at least.
    double distance(TransformerModel model, List<MicroBatch> batches) {
      List<Integer> numbers = new ArrayList<>();
      batches.forEach(batch -> numbers.addAll(batch.numbers()));
      double[] logps = mismatches.logps(model, numbers, _ -> {});
      double sum = 0;
      for (int i = 0; i < logps.length; i++) {
        sum += logps[i] - reference[numbers.get(i)];
      }
      return Math.max(0, sum / logps.length);
    }
  }
}
