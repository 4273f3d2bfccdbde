import io.lorikeet.bindings.Beta;

/// Models: differentiation of ggml graphs, architectures, LoRA adapters, text.
@Beta
module io.lorikeet.models {
  requires transitive io.lorikeet.quant;
  requires static transitive org.jspecify;

  exports io.lorikeet.models.adapter;
  exports io.lorikeet.models.architecture;
  exports io.lorikeet.models.autodiff;
  exports io.lorikeet.models.chat;
  exports io.lorikeet.models.family;
  exports io.lorikeet.models.lora;
  exports io.lorikeet.models.merge;
  exports io.lorikeet.models.random;
  exports io.lorikeet.models.text;
  exports io.lorikeet.models.text.template;
}
