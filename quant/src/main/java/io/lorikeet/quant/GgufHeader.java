package io.lorikeet.quant;

import java.util.List;

/// The checked head of one GGUF file.
///
/// @param tensors in the file's order, as of part 0
record GgufHeader(int version, GgufMetadata metadata, List<GgufTensor> tensors) {}
