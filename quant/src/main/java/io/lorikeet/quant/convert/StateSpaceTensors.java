package io.lorikeet.quant.convert;

import java.util.List;
import java.util.Optional;

/// The tensors of a state space (Mamba-2) that Hugging Face stores in other forms than llama.cpp
/// (`Mamba2Model` in `conversion/mamba.py`).
///
/// @param module the part of names that state spaces have, with dots on both sides
/// @param width elements of all heads
/// @param groups of heads with a norm of their own
record StateSpaceTensors(String module, long width, long groups) {

  /// The rows of a tensor as they are written.
  WeightRows changed(String name, WeightRows rows) {
    if (name.endsWith(module + "conv1d.weight")) {
      return rows.squeezed();
    }
    return name.endsWith(module + "norm.weight") ? rows.reshaped(width / groups, groups) : rows;
  }

  /// The tensors for one whose name isn't that of a weight or a bias; empty for others.
  Optional<List<OutputTensor>> outputs(ConvertedFamily family, String name, WeightRows rows) {
    if (name.endsWith(module + "dt_bias")) {
      return one(family.outputName(name + ".bias"), rows);
    }
    if (!name.endsWith(module + "A_log") && !name.endsWith(module + "D")) {
      return Optional.empty();
    }
    String output = family.outputName(name + ".weight").replaceFirst("\\.weight$", "");
    WeightRows values = name.endsWith("A_log") ? rows.negativeExponential() : rows;
    return one(output, values.reshaped(1, rows.elements()));
  }

  private static Optional<List<OutputTensor>> one(String name, WeightRows rows) {
    return Optional.of(List.of(new OutputTensor.NumberTensor(name, rows)));
  }
}
