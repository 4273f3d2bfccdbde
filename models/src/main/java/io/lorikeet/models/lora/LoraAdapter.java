package io.lorikeet.models.lora;

import io.lorikeet.bindings.llama.Invocation;
import java.util.List;
import java.util.Optional;

/// A LoRA adapter in host memory: where training hands over to export.
///
/// @param architecture the base's `general.architecture`
/// @param alpha as llama.cpp reads it: it scales every pair by alpha / rank, so rsLoRA's square
///     root is folded in here
/// @param pairs the adapted weights, in the order of the base's tensors
/// @param invocation the tokens that it acts from; empty for one that always does
public record LoraAdapter(
    String architecture, float alpha, List<LoraPair> pairs, Optional<Invocation> invocation) {

  public LoraAdapter {
    pairs = List.copyOf(pairs);
  }

  /// One that always acts.
  public LoraAdapter(String architecture, float alpha, List<LoraPair> pairs) {
    this(architecture, alpha, pairs, Optional.empty());
  }

  /// The same, acting from these tokens on, or always.
  public LoraAdapter activatedBy(Optional<Invocation> other) {
    return new LoraAdapter(architecture, alpha, pairs, other);
  }

  /// Ids of the tokens that it acts from; none for one that always acts.
  public List<Integer> invocationTokens() {
    return invocation.map(Invocation::tokens).orElse(List.of());
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
