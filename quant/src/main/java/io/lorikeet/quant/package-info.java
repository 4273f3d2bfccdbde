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
/// What the user gave and can't be used is an [io.lorikeet.quant.InvalidInputException], a disk
/// that fails an `IOException`; both say what to do.
package io.lorikeet.quant;
