/// A training run's state in files: everything that going on needs, so that a run which was killed
/// at any moment ends as if it hadn't been. [CheckpointWriter] writes beside the training,
/// [CheckpointFolder] knows which files there are and which to trust, [Checkpoint] reads one.
///
/// A checkpoint is a GGUF file with a checksum. Beside each pair's `<weight>.lora_a` and `.lora_b`
/// it holds the optimizer's vectors of the same shapes, `<weight>.lora_a.first_moment` and so on;
/// its keys hold the rest.
@Beta
@NullMarked
package io.lorikeet.train.checkpoint;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
