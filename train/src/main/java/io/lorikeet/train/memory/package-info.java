/// The memory of a training run, planned before it starts.
///
/// A [TrainingSetup][io.lorikeet.train.memory.TrainingSetup] allocates model, adapter and optimizer
/// as a [Placement][io.lorikeet.train.memory.Placement] says. The
/// [MemoryPlanner][io.lorikeet.train.memory.MemoryPlanner] makes such setups on a backend that only
/// counts, the fastest placement first, until one fits.
@Beta
@NullMarked
package io.lorikeet.train.memory;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
