/// Transformers: configuration, frozen weights, and the graphs of forward and backward.
///
/// [ModelConfig] says what a GGUF file holds, [BaseWeights] puts it where it is computed with,
/// [TransformerModel] runs a [TokenBatch] through it. A family of models is one class that writes
/// its layer's forward on a tape ([LlamaLayer]); gradients, memory and chunks come with it.
package io.lorikeet.models.architecture;
