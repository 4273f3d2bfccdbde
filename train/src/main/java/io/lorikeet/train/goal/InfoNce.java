package io.lorikeet.train.goal;

import io.lorikeet.train.data.Judgement;
import io.lorikeet.train.data.TokenizedExample;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/// The loss of queries and passages that are compared with each other (InfoNCE, arXiv 1807.03748),
/// one way, as sentence-transformers' MultipleNegativesRankingLoss has it. Of a query q with its
/// passage p it is
///
///     -log (exp(cos(q, p) / τ) / Σ exp(cos(q, c) / τ))
///
/// The sum is over p and all other texts c that aren't queries, but for texts that are a passage of
/// the same query: it isn't to be moved away from these. Texts are told apart by their tokens.
final class InfoNce {
  private final List<Pair> pairs = new ArrayList<>();
  private final List<Integer> candidates = new ArrayList<>();

  /// Of each text a number; those with the same tokens have the same.
  private final int[] ids;

  /// By the number of a query, those of its passages.
  private final Map<Integer, Set<Integer>> passagesOf = new HashMap<>();

  /// A query and one of its passages.
  ///
  /// @param query its number among the texts
  /// @param passage the same
  record Pair(int query, int passage) {}

  /// @param examples queries, each with its passages and negatives after it
  InfoNce(List<TokenizedExample> examples) {
    Map<IntBuffer, Integer> known = new HashMap<>();
    ids = new int[examples.size()];
    int query = -1;
    for (int i = 0; i < ids.length; i++) {
      ids[i] = known.computeIfAbsent(IntBuffer.wrap(examples.get(i).tokens()), _ -> known.size());
      Judgement judgement = examples.get(i).judgement();
      if (judgement == Judgement.QUERY) {
        query = i;
        continue;
      }
      candidates.add(i);
      if (judgement == Judgement.PASSAGE) {
        pairs.add(new Pair(query, i));
        passagesOf.computeIfAbsent(ids[query], _ -> new HashSet<>()).add(ids[i]);
      }
    }
  }

  /// Each query with each of its passages.
  List<Pair> pairs() {
    return pairs;
  }

  /// The texts that a pair's query is compared with, the pair's passage among them.
  private int[] compared(Pair pair) {
    Set<Integer> passages = passagesOf.getOrDefault(ids[pair.query()], Set.of());
    return candidates.stream()
        .filter(i -> i == pair.passage() || !passages.contains(ids[i]))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /// The losses of pairs.
  ///
  /// @param losses of each pair, in nats
  /// @param gradients of their sum by each text's embedding
  record Losses(double[] losses, double[][] gradients) {}

  /// @param embeddings of all texts, of length 1
  /// @param temperature τ
  Losses of(List<double[]> embeddings, double temperature) {
    double[] losses = new double[pairs.size()];
    double[][] gradients = new double[embeddings.size()][embeddings.getFirst().length];
    for (int i = 0; i < losses.length; i++) {
      Pair pair = pairs.get(i);
      int[] compared = compared(pair);
      double[] query = embeddings.get(pair.query());
      double own = dot(query, embeddings.get(pair.passage())) / temperature;
      double[] shares = new double[compared.length];
      double most = own;
      for (int j = 0; j < compared.length; j++) {
        shares[j] = dot(query, embeddings.get(compared[j])) / temperature;
        most = Math.max(most, shares[j]);
      }
      double sum = 0;
      for (int j = 0; j < compared.length; j++) {
        shares[j] = Math.exp(shares[j] - most);
        sum += shares[j];
      }
      losses[i] = Math.log(sum) + most - own;
      for (int j = 0; j < compared.length; j++) {
        double slope = shares[j] / sum - (compared[j] == pair.passage() ? 1 : 0);
        add(gradients[pair.query()], slope / temperature, embeddings.get(compared[j]));
        add(gradients[compared[j]], slope / temperature, query);
      }
    }
    return new Losses(losses, gradients);
  }

  /// The place of each pair's passage among the texts that its query is compared with, by their
  /// cosine, from 1; behind texts of the same cosine.
  int[] ranks(List<double[]> embeddings) {
    return pairs.stream()
        .parallel()
        .mapToInt(
            pair -> {
              double[] query = embeddings.get(pair.query());
              double own = dot(query, embeddings.get(pair.passage()));
              return (int)
                  IntStream.of(compared(pair))
                      .filter(i -> dot(query, embeddings.get(i)) >= own)
                      .count();
            })
        .toArray();
  }

  private static double dot(double[] one, double[] other) {
    double sum = 0;
    for (int i = 0; i < one.length; i++) {
      sum += one[i] * other[i];
    }
    return sum;
  }

  private static void add(double[] sum, double factor, double[] vector) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += factor * vector[i];
    }
  }
}
