/// Fine-tuning as a whole, above training and export: train, write the adapter, keep the best,
/// prove it; what measures that; the formats of programs that serve it.
module io.lorikeet.finetune {
  requires transitive io.lorikeet.export;
  requires transitive io.lorikeet.train;
  requires com.fasterxml.jackson.databind;
  requires com.fasterxml.jackson.dataformat.yaml;
  requires com.networknt.schema;
  requires java.net.http;
  requires jdk.httpserver;
  requires static transitive org.jspecify;

  exports io.lorikeet.finetune;
  exports io.lorikeet.finetune.bases;
  exports io.lorikeet.finetune.bench;
  exports io.lorikeet.finetune.evaluation;
  exports io.lorikeet.finetune.scoring;
  exports io.lorikeet.finetune.hub;
  exports io.lorikeet.finetune.report;
  exports io.lorikeet.finetune.serving;
  exports io.lorikeet.finetune.sweep;
  exports io.lorikeet.finetune.tasks;
  exports io.lorikeet.finetune.text;

  opens io.lorikeet.finetune.report to
      com.fasterxml.jackson.databind;
}
