package io.lorikeet.models.lora;

import java.util.Optional;

/// How a new pair begins where that was found out for its weight.
///
/// @param rank its rank
/// @param a first values of A, `rank` rows of the weight's inputs; empty where they are drawn
public record PairStart(int rank, Optional<float[]> a) {}
