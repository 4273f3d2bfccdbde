/// Transformers: configuration, frozen weights, and the graphs of forward and backward.
///
/// [ModelConfig] says what a GGUF file holds, [BaseWeights] puts it where it is computed with,
/// [TransformerModel] runs a [TokenBatch] through it. A layer's forward is
/// written once on a tape ([DecoderLayer]), with the pieces that the families of models add to
/// llama's; gradients, memory and chunks come with it.
package io.lorikeet.models.architecture;
