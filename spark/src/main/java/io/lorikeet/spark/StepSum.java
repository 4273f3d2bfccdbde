package io.lorikeet.spark;

import java.io.Serializable;
import java.util.List;

/// The result of a partition of a step's parts.
sealed interface StepSum extends Serializable {
  /// The sum of a stretch of all gradients.
  ///
  /// @param complete whether every micro-batch is in it
  /// @param values F32, little-endian
  record ChunkSum(boolean complete, byte[] values) implements StepSum {}

  /// The rest of what the micro-batches gave, in any order.
  record Outcomes(List<StepPart.Outcome> all) implements StepSum {}
}
