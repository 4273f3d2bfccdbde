package io.lorikeet.train.checkpoint;

import io.lorikeet.bindings.Tensor;
import java.lang.foreign.MemorySegment;

/// A flat F32 vector of a run's state, laid out like the parameters' (see
/// [io.lorikeet.models.lora.LoraParameters]), wherever it is kept.
public interface StateVector {
  /// The name of the vector, such as `first_moment`; empty for the parameters themselves.
  String name();

  /// Copies all of it out.
  ///
  /// @param target native memory of exactly its size
  void copyTo(MemorySegment target);

  /// Replaces all of it.
  ///
  /// @param source native memory of exactly its size
  void copyFrom(MemorySegment source);

  /// A vector in a device's memory.
  static StateVector of(String name, Tensor tensor) {
    return new StateVector() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public void copyTo(MemorySegment target) {
        tensor.download(target, 0);
      }

      @Override
      public void copyFrom(MemorySegment source) {
        tensor.upload(source, 0);
      }
    };
  }
}
