/// Fine-tuning as one call for a program.
///
/// [FineTuning][io.lorikeet.finetune.FineTuning] trains, writes the adapter's file and that of the
/// best one, and proves the adapter in llama.cpp. It tells a
/// [TrainingListener][io.lorikeet.train.event.TrainingListener] of everything on the way, and a
/// [StopRequest][io.lorikeet.train.loop.StopRequest] stops it after a step; the run can be resumed
/// then. Its result is a [FineTuned][io.lorikeet.finetune.FineTuned].
@NullMarked
package io.lorikeet.finetune;

import org.jspecify.annotations.NullMarked;
