/// GGUF files: reading, writing, quantizing.
///
/// [io.lorikeet.quant.GgufFile] maps a model into memory, having checked its head throughout; its
/// tensors are slices of the mapping and its keys are
/// [io.lorikeet.quant.GgufMetadata]. [io.lorikeet.quant.GgufWriter] writes one.
/// [io.lorikeet.quant.ModelQuantizer] makes smaller models with libllama.
///
/// ```java
/// try (GgufFile base = GgufFile.open(Path.of("base.gguf"))) {
///   String architecture = base.metadata().requireString("general.architecture");
///   for (GgufTensor tensor : base.tensors()) {
///     MemorySegment bytes = base.data(tensor); // nothing is read until it is touched
///   }
/// }
/// ```
///
/// Input of the user that can't be used is an [io.lorikeet.quant.InvalidInputException], a disk
/// that fails an `IOException`. Both messages name a remedy.
@NullMarked
package io.lorikeet.quant;

import org.jspecify.annotations.NullMarked;
