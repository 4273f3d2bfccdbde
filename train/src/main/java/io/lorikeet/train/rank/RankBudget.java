package io.lorikeet.train.rank;

import io.lorikeet.quant.InvalidInputException;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.PriorityQueue;

/// Spends a budget of parameters on directions: those first that hold the largest share of the
/// variance of their own matrix's inputs.
///
/// @param parameters the budget
record RankBudget(long parameters) {

  /// A matrix that can be given ranks.
  ///
  /// @param price parameters that a rank of 1 takes
  /// @param shares of the variance by direction, the largest first; as many as its rank can be
  record Candidate(String name, long price, double[] shares) {}

  /// @param least parameters that rank 1 of so many matrices takes
  /// @throws InvalidInputException for a budget that is too small for that
  void require(long least, int matrices) {
    if (least > parameters) {
      throw new InvalidInputException(
          String.format(
              Locale.ROOT,
              "rank: %,d parameters are too few, since rank 1 of the %d adapted matrices takes %,d",
              parameters,
              matrices,
              least));
    }
  }

  /// The ranks of the candidates, in their order: each at least 1.
  ///
  /// @throws InvalidInputException for a budget that is too small for that
  int[] spend(List<Candidate> candidates) {
    long least = candidates.stream().mapToLong(Candidate::price).sum();
    require(least, candidates.size());
    int[] ranks = new int[candidates.size()];
    PriorityQueue<Integer> next =
        new PriorityQueue<>(
            Comparator.<Integer>comparingDouble(i -> -candidates.get(i).shares()[ranks[i]])
                .thenComparing(i -> i));
    long left = parameters - least;
    for (int i = 0; i < ranks.length; i++) {
      ranks[i] = 1;
      if (candidates.get(i).shares().length > 1) {
        next.add(i);
      }
    }
    while (!next.isEmpty()) {
      int chosen = next.remove();
      Candidate candidate = candidates.get(chosen);
      if (candidate.price() <= left) { // else a cheaper one may still fit
        left -= candidate.price();
        ranks[chosen]++;
        if (ranks[chosen] < candidate.shares().length) {
          next.add(chosen);
        }
      }
    }
    return ranks;
  }
}
