package io.lorikeet.models.lora;

import io.lorikeet.bindings.Shape;
import java.io.Serializable;
import java.util.List;

/// Where the two matrices of one adapted weight lie in the flat vectors of [LoraParameters].
///
/// @param baseTensor the adapted weight
/// @param inputs length of what A takes; for the token embedding, whose pair is flipped, the
///     vocabulary
/// @param outputs length of what B gives
/// @param rank the pair's rank
/// @param experts experts that the weight holds a matrix of each for; 1 for everything else
/// @param scaling factor of B A
/// @param aOffset index of A's first element
/// @param bOffset index of B's first element
public record LoraSlot(
    String baseTensor,
    int inputs,
    int outputs,
    int rank,
    int experts,
    float scaling,
    long aOffset,
    long bOffset)
    implements Serializable {

  /// See [LoraPair#isFlipped].
  public boolean flipped() {
    return LoraPair.isFlipped(baseTensor);
  }

  /// All its matrices, in the order of a file.
  public List<LoraMatrix.MatrixPlace> matrices() {
    return List.of(
        new LoraMatrix.MatrixPlace(baseTensor + LoraMatrix.SUFFIX_A, aShape(), aOffset),
        new LoraMatrix.MatrixPlace(baseTensor + LoraMatrix.SUFFIX_B, bShape(), bOffset));
  }

  public Shape aShape() {
    return LoraPair.shapeOfA(baseTensor, inputs, rank, experts);
  }

  public Shape bShape() {
    return Shape.of(rank, outputs, experts);
  }
}
