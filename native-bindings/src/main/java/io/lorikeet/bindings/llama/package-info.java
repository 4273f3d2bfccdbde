/// Typed access to llama.cpp: loading a model, tokenizing, logits, adapters, sampling, quantizing.
///
/// ```java
/// try (LlamaModel model = LlamaModel.load(file, LlamaModel.Options.CPU);
///     LlamaContext context = LlamaContext.create(model, 512, 512, 2);
///     LlamaSampler sampler = LlamaSampler.create(0.8f, 42)) {
///   context.decode(model.vocabulary().tokenize("Once upon a time", true, true));
///   int next = sampler.sample(context);
/// }
/// ```
///
/// libllama ends the process where its assertions fail, and where an exception leaves it. A
/// caller's arguments are checked before each call. [LlamaModel#load], [LlamaAdapter#load] and
/// [LlamaQuantizer#quantize] first check the file for errors that would end the process in
/// libllama. The caller has to check the file's sizes and offsets, and that its hyperparameters are
/// those of a model.
@NullMarked
package io.lorikeet.bindings.llama;

import org.jspecify.annotations.NullMarked;
