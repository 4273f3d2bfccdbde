package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Tensor;

/// A trained matrix as a graph sees it: placeholders of its values and of the sum of its gradients,
/// F32, same shape.
public record Parameter(Tensor value, Tensor gradient) {}
