package io.lorikeet.quant;

import java.util.List;

/// What stands at the head of one GGUF file, checked.
///
/// @param tensors in the file's order
record GgufHeader(int version, GgufMetadata metadata, List<GgufTensor> tensors) {}
