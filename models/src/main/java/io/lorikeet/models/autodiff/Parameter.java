package io.lorikeet.models.autodiff;

import io.lorikeet.bindings.Tensor;
import org.jspecify.annotations.Nullable;

/// A trained matrix as a graph sees it: placeholders of its values and of the sum of its gradients,
/// F32, same shape.
///
/// @param gradient null in graphs without gradients
public record Parameter(Tensor value, @Nullable Tensor gradient) {}
