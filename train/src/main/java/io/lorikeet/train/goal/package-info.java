/// The loss that a run makes less, and the figures that it measures beside it.
///
/// A [Goal][io.lorikeet.train.goal.Goal] turns the losses of places, which the head gives, into one
/// number for a step, and into where the gradient comes from. Learning from examples takes them as
/// they are. Learning from preferences makes log probabilities of whole answers of them, of which
/// [PreferenceLoss][io.lorikeet.train.goal.PreferenceLoss] is a function. Those of the reference
/// are computed once, before the first step
/// ([ReferenceLosses][io.lorikeet.train.goal.ReferenceLosses]).
@Beta
@NullMarked
package io.lorikeet.train.goal;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
