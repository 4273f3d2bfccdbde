/// Folds adapters into quantized weights: W + scaling · B A in the weight's own type, row by row.
///
/// A [MergedMatrix][io.lorikeet.models.merge.MergedMatrix] computes rows of one tensor;
/// [Rounding][io.lorikeet.models.merge.Rounding] says how they are rounded, and
/// [Survival][io.lorikeet.models.merge.Survival] measures what the rounding left of the update.
@NullMarked
package io.lorikeet.models.merge;

import org.jspecify.annotations.NullMarked;
