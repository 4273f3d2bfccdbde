/// Many adapters for one base: a [TaskPlan][io.lorikeet.finetune.tasks.TaskPlan] names the tasks,
/// and [TaskRuns][io.lorikeet.finetune.tasks.TaskRuns] trains them, in this process or on the
/// machines of a cluster.
@Beta
@NullMarked
package io.lorikeet.finetune.tasks;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
