package io.lorikeet.export.merge;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.merge.Survival;
import java.util.List;

/// The results of a merge.
///
/// @param tensors the adapted tensors, in the file's order
/// @param copied tensors copied byte for byte
/// @param bytesRead of the base's tensors
/// @param bytesWritten of the merged file's tensors
/// @param seconds it took, reading and writing included
public record MergeReport(
    List<Merged> tensors, int copied, long bytesRead, long bytesWritten, double seconds) {

  /// An adapted tensor.
  ///
  /// @param from its type in the base
  /// @param to its type in the merged file
  /// @param survival the remaining part of its update
  public record Merged(String name, TensorType from, TensorType to, Survival survival) {

    /// The name of its type in the base, such as `Q4_K`.
    public String fromName() {
      return from.name();
    }

    /// The name of its type in the merged file.
    public String toName() {
      return to.name();
    }
  }

  public MergeReport {
    tensors = List.copyOf(tensors);
  }

  /// Bytes read and written in a second.
  public double bytesPerSecond() {
    return (bytesRead + bytesWritten) / seconds;
  }

  /// Several tensors together.
  public static Survival total(List<Merged> tensors) {
    Survival total = new Survival();
    tensors.forEach(tensor -> total.add(tensor.survival()));
    return total;
  }
}
