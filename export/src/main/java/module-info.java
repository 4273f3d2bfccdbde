/// Results of training: adapter files, the proof that llama.cpp computes with them what the trainer
/// did, and files made of adapters.
module io.lorikeet.export {
  requires transitive io.lorikeet.models;
  requires com.fasterxml.jackson.databind;
  requires ejml.core;
  requires ejml.ddense;
  requires static transitive org.jspecify;

  exports io.lorikeet.export;
  exports io.lorikeet.export.analysis;
  exports io.lorikeet.export.peft;
  exports io.lorikeet.export.merge;
}
