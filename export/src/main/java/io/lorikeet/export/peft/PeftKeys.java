package io.lorikeet.export.peft;

/// The keys of `__metadata__` in `adapter_model.safetensors`: PEFT wants `format`, and Lorikeet
/// keeps there what an adapter in GGUF says of its base and its training.
final class PeftKeys {
  static final String WEIGHTS = "adapter_model.safetensors";
  static final String FORMAT = "format";
  static final String PYTORCH = "pt";
  static final String BASE_HASH = "lorikeet.base.sha256";

  /// A JSON object, in the order of the adapter's metadata.
  static final String TRAINING = "lorikeet.training";

  private PeftKeys() {}
}
