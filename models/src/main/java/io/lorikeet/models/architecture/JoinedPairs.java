package io.lorikeet.models.architecture;

import io.lorikeet.models.autodiff.Parameter;
import java.util.List;

/// Adapters of linear maps that take the same input, whose matrices A lie one after the other; or a
/// single one.
///
/// @param a all rows of their matrices A `[k, sum of ranks]`
/// @param pairs their placeholders, of which those of A aren't used
/// @param ranks the rank of each
/// @param offset index of the first element of A in a layer of their kind
record JoinedPairs(Parameter a, List<AdaptedLinear.Pair> pairs, List<Integer> ranks, long offset) {

  /// Its scaling is that of all of them.
  AdaptedLinear.Pair first() {
    return pairs.getFirst();
  }
}
