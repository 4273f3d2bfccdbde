/// Measuring: a training step beside llama.cpp's forward pass, merging beside a plain copy.
///
/// [BenchRun][io.lorikeet.finetune.bench.BenchRun] and
/// [MergeBench][io.lorikeet.finetune.bench.MergeBench] run everything in turns, as
/// [Rounds][io.lorikeet.finetune.bench.Rounds]: a machine's own speed changes with time, the ratio
/// of two neighbours hardly. [BenchComparison][io.lorikeet.finetune.bench.BenchComparison] tells
/// from two reports what became faster or slower.
@Beta
@NullMarked
package io.lorikeet.finetune.bench;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
