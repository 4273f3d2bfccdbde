/// A training run on disk.
///
/// The [RunFolder][io.lorikeet.train.run.RunFolder] belongs to one process at a time and holds the
/// settings, the [Computation][io.lorikeet.train.run.Computation] (where and how the numbers are
/// computed), the metrics and the checkpoints. The
/// [RunSaver][io.lorikeet.train.run.RunSaver] writes the state of a run, and a
/// [ResumedRun][io.lorikeet.train.run.ResumedRun] is what a later process goes on from.
@NullMarked
package io.lorikeet.train.run;

import org.jspecify.annotations.NullMarked;
