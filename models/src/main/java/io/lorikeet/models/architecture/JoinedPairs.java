package io.lorikeet.models.architecture;

import io.lorikeet.models.autodiff.Parameter;
import java.util.List;

/// Adapters of linear maps that take the same input, whose matrices A lie one after the other.
///
/// @param a all rows of their matrices A `[k, sum of ranks]`
/// @param pairs their placeholders, of which those of A aren't used
/// @param ranks the rank of each
record JoinedPairs(Parameter a, List<AdaptedLinear.Pair> pairs, List<Integer> ranks) {

  /// Its scaling is that of all of them.
  AdaptedLinear.Pair first() {
    return pairs.getFirst();
  }
}
