import io.lorikeet.bindings.Beta;

/// Files and number formats: reading and writing GGUF and safetensors, converting, quantizing.
@Beta
module io.lorikeet.quant {
  requires transitive io.lorikeet.bindings;
  requires com.fasterxml.jackson.databind;
  requires com.fasterxml.jackson.dataformat.yaml;
  requires static transitive org.jspecify;

  exports io.lorikeet.quant;
  exports io.lorikeet.quant.convert;
}
