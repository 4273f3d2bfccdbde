package io.lorikeet.models.family;

/// Queries grow with their position: by 1 + scale · ln(1 + floor(position / step))
/// (`llm_graph_input_attn_temp` in llama.cpp).
///
/// @param scale how fast
/// @param step positions after which it grows
public record Temperature(float scale, int step) {

  /// The factor of a query at a position.
  public float at(int position) {
    return (float) (Math.log(Math.floor((float) position / step) + 1) * scale + 1);
  }
}
