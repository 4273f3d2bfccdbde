package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Tensor;

/// The result of an operation that one graph keeps for another over the same inputs.
///
/// @param place the result, of the operation's shape, with dense rows; of any memory that stays
/// @param computed whether it is there already; else the operation writes it
public record SavedResult(Tensor place, boolean computed) {}
