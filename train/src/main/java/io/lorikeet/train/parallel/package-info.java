/// The gradients of a step's micro-batches, computed by this process or by others.
///
/// A [StepGradients][io.lorikeet.train.parallel.StepGradients] adds the gradients of a step's
/// micro-batches to the adapter's, in the order of the micro-batches. Each is a sum of its own, so
/// the result has the same bits wherever they were computed.
/// [Machines][io.lorikeet.train.parallel.Machines] are processes that compute them: each gets a
/// [GradientJob][io.lorikeet.train.parallel.GradientJob] once, builds a
/// [GradientWorker][io.lorikeet.train.parallel.GradientWorker] of it, and then takes parameters and
/// micro-batches.
@Beta
@NullMarked
package io.lorikeet.train.parallel;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
