package io.lorikeet.quant;

import java.util.List;

/// What stands at the head of one GGUF file, checked.
///
/// @param tensors in the file's order, as of part 0
record GgufHeader(int version, GgufMetadata metadata, List<GgufTensor> tensors) {}
