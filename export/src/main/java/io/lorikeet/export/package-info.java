/// The proof after training.
///
/// [AdapterVerifier][io.lorikeet.export.AdapterVerifier] compares the logits that llama.cpp
/// computes with an adapter's file with those of the trainer, and
/// [MergeVerifier][io.lorikeet.export.MergeVerifier] does so for merged files.
@NullMarked
package io.lorikeet.export;

import org.jspecify.annotations.NullMarked;
