package io.lorikeet.models.lora;

import java.util.List;

/// A LoRA adapter in host memory: where training hands over to export.
///
/// @param architecture the base's `general.architecture`
/// @param alpha as llama.cpp reads it: it scales every pair by alpha / rank, so rsLoRA's square
///     root is folded in here
/// @param pairs the adapted weights, in the order of the base's tensors
public record LoraAdapter(String architecture, float alpha, List<LoraPair> pairs) {

  public LoraAdapter {
    pairs = List.copyOf(pairs);
  }

  /// All its matrices, in the order of a file.
  public List<LoraMatrix> matrices() {
    return pairs.stream().flatMap(pair -> pair.matrices().stream()).toList();
  }

  /// Parameters of all pairs.
  public long parameters() {
    return pairs.stream().mapToLong(LoraPair::parameters).sum();
  }
}
