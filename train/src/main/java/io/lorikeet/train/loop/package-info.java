/// The training loop.
///
/// The [Trainer][io.lorikeet.train.loop.Trainer] prepares a run: data, memory plan, model, adapter,
/// optimizer, folder. Its loop takes one [TrainingStep][io.lorikeet.train.loop.TrainingStep] after
/// the other: the gradients of the micro-batches are added up, then the optimizer updates the
/// adapter.
@NullMarked
package io.lorikeet.train.loop;

import org.jspecify.annotations.NullMarked;
