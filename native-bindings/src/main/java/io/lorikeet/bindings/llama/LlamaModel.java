package io.lorikeet.bindings.llama;

/// A model loaded by libllama.
public final class LlamaModel {
  private LlamaModel() {}
}
