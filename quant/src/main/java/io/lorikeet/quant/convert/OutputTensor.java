package io.lorikeet.quant.convert;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.quant.TensorSource;
import java.util.List;

/// A tensor of the file that is to be written.
sealed interface OutputTensor {
  /// Its name in GGUF.
  String name();

  /// Elements per dimension, ne0 first.
  List<Long> shape();

  /// Numbers that are written in whatever type is wanted.
  record NumberTensor(String name, WeightRows rows) implements OutputTensor {
    @Override
    public List<Long> shape() {
      return rows.shape();
    }
  }

  /// Blocks that are quantized already and only move.
  record Blocks(String name, TensorType type, List<Long> shape, TensorSource source)
      implements OutputTensor {}

  default long elements() {
    return shape().stream().reduce(1L, Math::multiplyExact);
  }
}
