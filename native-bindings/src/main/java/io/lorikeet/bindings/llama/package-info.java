/// The typed door to llama.cpp: loading a model, tokenizing, logits, adapters, sampling,
/// quantizing.
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
/// libllama ends the process where its assertions fail, and where an exception leaves it. What a
/// caller passes is checked before each call, and [LlamaModel#load], [LlamaAdapter#load] and
/// [LlamaQuantizer#quantize] first look into the file for what libllama would not survive. That a
/// file's sizes and offsets are in order, and its hyperparameters those of a model, is for the
/// caller to check.
package io.lorikeet.bindings.llama;
