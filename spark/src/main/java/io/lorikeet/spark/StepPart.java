package io.lorikeet.spark;

import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A part of what a micro-batch gives.
sealed interface StepPart extends Serializable {
  /// The micro-batch's place in the step.
  int number();

  /// A stretch of the micro-batch's gradient.
  ///
  /// @param values F32, little-endian
  record Chunk(int number, byte[] values) implements StepPart {}

  /// The rest.
  ///
  /// @param losses of the batch's places; none where it could not be computed
  /// @param nanos that computing took
  /// @param machine where it was computed
  /// @param differences in which that machine computes otherwise than the run
  /// @param problem why it could not be computed there, where nothing would change that
  record Outcome(
      int number,
      float[] losses,
      long nanos,
      Machine machine,
      List<String> differences,
      @Nullable String problem)
      implements StepPart {}

  /// An executor.
  ///
  /// @param host name or address of its machine
  /// @param executor Spark's number of it
  record Machine(String host, String executor) implements Serializable {}
}
