/// The model families: for each, one file that says how it differs from llama. A [Family] reads a
/// base's metadata and lists the tensors it must have; the architecture package builds graphs from
/// that.
@NullMarked
package io.lorikeet.models.family;

import org.jspecify.annotations.NullMarked;
