/// Files and number formats: reading and writing GGUF, quantizing.
module io.lorikeet.quant {
  requires transitive io.lorikeet.bindings;

  exports io.lorikeet.quant;
}
