/// Whether training made a model better, and which of its skills it broke.
///
/// [Evaluation][io.lorikeet.finetune.evaluation.Evaluation] lets llama.cpp answer the questions of
/// an [EvaluationTask][io.lorikeet.finetune.evaluation.EvaluationTask] before and after, has the
/// answers scored, and compares them in a [TaskResult][io.lorikeet.finetune.evaluation.TaskResult].
///
/// A [GateRun][io.lorikeet.finetune.evaluation.GateRun] tells whether to ship: tasks must become
/// better, and others, neutral texts and the form of answers must not become worse.
@Beta
@NullMarked
package io.lorikeet.finetune.evaluation;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
