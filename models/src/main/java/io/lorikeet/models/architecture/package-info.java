/// Transformers: frozen weights, and the graphs of forward and backward.
///
/// [BaseWeights][io.lorikeet.models.architecture.BaseWeights] puts the tensors of a GGUF file where
/// they are computed with, and
/// [TransformerModel][io.lorikeet.models.architecture.TransformerModel] runs a
/// [TokenBatch][io.lorikeet.models.architecture.TokenBatch] through them. A layer is a
/// list of residual branches (`DecoderLayer`): a mixer of tokens, as `AttentionMixer`, and a
/// feed-forward part. Each branch's forward is written once on a tape, with the pieces that the
/// families of models add to llama's; gradients, memory and tiles come with it (`LayerGraph`).
@NullMarked
package io.lorikeet.models.architecture;

import org.jspecify.annotations.NullMarked;
