package io.lorikeet.export.peft;

/// The names of the files, and the keys of `__metadata__` in `adapter_model.safetensors`: PEFT
/// wants `format`, and Lorikeet keeps there what an adapter in GGUF says of its base and its
/// training.
final class PeftKeys {
  static final String WEIGHTS = "adapter_model.safetensors";
  static final String CHAT_TEMPLATE = "chat_template.jinja";
  static final String FORMAT = "format";
  static final String PYTORCH = "pt";
  static final String BASE_HASH = "lorikeet.base.sha256";

  /// A JSON object, in the order of the adapter's metadata.
  static final String TRAINING = "lorikeet.training";

  /// Where the chat template came from, in words.
  static final String TEMPLATE_ORIGIN = "lorikeet.chat_template.origin";

  /// PEFT's key of an activated LoRA's tokens.
  static final String INVOCATION = "alora_invocation_tokens";

  private PeftKeys() {}
}
