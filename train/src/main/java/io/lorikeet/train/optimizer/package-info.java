/// The optimizer: [AdamW][io.lorikeet.train.optimizer.AdamW] over the flat vectors of an adapter's
/// parameters and gradients, on the device or with its moments in host memory. An
/// [UnusableStepException][io.lorikeet.train.optimizer.UnusableStepException] says that a step
/// would have done harm: its loss or gradient was no finite number, or far outside the
/// [StepSpread][io.lorikeet.train.optimizer.StepSpread] of the steps before.
@Beta
@NullMarked
package io.lorikeet.train.optimizer;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
