package io.lorikeet.train.checkpoint;

import io.lorikeet.models.lora.LoraMatrix;
import io.lorikeet.models.lora.LoraSlot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The parts of a run's state and the tensors of a file that hold them.
///
/// @param architecture the base's `general.architecture`
/// @param slots where each matrix lies in a vector
/// @param elements elements of every vector
/// @param vectors the parameters, and the optimizer's state for each of them
public record StateLayout(
    String architecture, List<LoraSlot> slots, long elements, List<StateVector> vectors) {

  /// A matrix of a vector.
  ///
  /// @param name its tensor in the file
  /// @param shape ne0 first
  /// @param vector index of the vector
  /// @param offset index of its first element there
  record Matrix(String name, long[] shape, int vector, long offset) {
    long bytes() {
      return Arrays.stream(shape).reduce(Float.BYTES, Math::multiplyExact);
    }
  }

  public StateLayout {
    slots = List.copyOf(slots);
    vectors = List.copyOf(vectors);
  }

  /// Bytes of one vector.
  long vectorBytes() {
    return elements * Float.BYTES;
  }

  /// Bytes of the whole state in memory.
  public long bytes() {
    return vectors.size() * vectorBytes();
  }

  /// All matrices in the file's order: the pairs first, as an adapter has them.
  List<Matrix> matrices() {
    List<Matrix> matrices = new ArrayList<>();
    for (int vector = 0; vector < vectors.size(); vector++) {
      String name = vectors.get(vector).name();
      String suffix = name.isEmpty() ? "" : "." + name;
      for (LoraSlot slot : slots) {
        for (LoraMatrix.MatrixPlace place : slot.matrices()) {
          long[] shape = LoraMatrix.lengths(place.shape());
          matrices.add(new Matrix(place.name() + suffix, shape, vector, place.offset()));
        }
      }
    }
    return matrices;
  }
}
