/// The typed door to llama.cpp: loading a model, tokenizing, logits, adapters, sampling, quantizing.
package io.lorikeet.bindings.llama;
