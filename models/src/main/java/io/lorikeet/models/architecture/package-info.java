/// Transformers: frozen weights, and the graphs of forward and backward.
///
/// [BaseWeights][io.lorikeet.models.architecture.BaseWeights] puts the tensors of a GGUF file where
/// they are computed with, and
/// [TransformerModel][io.lorikeet.models.architecture.TransformerModel] runs a
/// [TokenBatch][io.lorikeet.models.architecture.TokenBatch] through them. A layer's forward is
/// written once on a tape, in `DecoderLayer`, with the pieces that the families of models add to
/// llama's; gradients, memory and chunks come with it.
package io.lorikeet.models.architecture;
