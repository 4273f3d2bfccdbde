/// Answers to a run's prompts while it goes on: llama.cpp computes them on the CPU with the adapter
/// as it stands. [Samples] asks, [SampleFile] keeps them in the run's folder.
@Beta
@NullMarked
package io.lorikeet.train.sample;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
