/// Finds settings by trying them. A [RateTest][io.lorikeet.finetune.sweep.RateTest] suggests a
/// learning rate. A [Sweep][io.lorikeet.finetune.sweep.Sweep] trains what a
/// [SweepPlan][io.lorikeet.finetune.sweep.SweepPlan] says, drops the worse half round by round, and
/// logs its decisions.
@Beta
@NullMarked
package io.lorikeet.finetune.sweep;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
