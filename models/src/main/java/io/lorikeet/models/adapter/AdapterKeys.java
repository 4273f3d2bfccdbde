package io.lorikeet.models.adapter;

/// The metadata keys of an adapter's GGUF: those that llama.cpp reads (`src/llama-adapter.cpp`,
/// `src/llama-arch.cpp`), the common `general.base_model` keys, and Lorikeet's own.
final class AdapterKeys {
  static final String TYPE = "general.type";
  static final String ARCHITECTURE = "general.architecture";
  static final String NAME = "general.name";
  static final String ADAPTER_TYPE = "adapter.type";
  static final String ALPHA = "adapter.lora.alpha";
  static final String INVOCATION_TOKENS = "adapter.alora.invocation_tokens";

  static final String BASE_COUNT = "general.base_model.count";
  static final String BASE_NAME = "general.base_model.0.name";
  static final String BASE_HASH = "lorikeet.base.sha256";
  static final String BASE_QUANTIZATION = "lorikeet.base.quantization";
  static final String BASE_TOKENIZER = "lorikeet.base.tokenizer_sha256";
  static final String DIGEST = "lorikeet.adapter.sha256";
  static final String TEMPLATE = "lorikeet.chat_template";
  static final String TEMPLATE_ORIGIN = "lorikeet.chat_template.origin";
  static final String TRAINING_PREFIX = "lorikeet.training.";

  private AdapterKeys() {}
}
