/// Training: data, optimizer, the loop.
module io.lorikeet.train {
  requires transitive io.lorikeet.models;
  requires transitive jdk.jfr;
  requires com.fasterxml.jackson.databind;
  requires com.fasterxml.jackson.dataformat.csv;
  requires com.fasterxml.jackson.dataformat.yaml;
  requires com.github.luben.zstd_jni;
  requires dev.hardwood.core;
  requires ejml.core;
  requires ejml.ddense;
  requires java.logging;
  requires static transitive org.jspecify;

  exports io.lorikeet.train.checkpoint;
  exports io.lorikeet.train.data;
  exports io.lorikeet.train.data.files;
  exports io.lorikeet.train.event;
  exports io.lorikeet.train.goal;
  exports io.lorikeet.train.loop;
  exports io.lorikeet.train.memory;
  exports io.lorikeet.train.optimizer;
  exports io.lorikeet.train.parallel;
  exports io.lorikeet.train.run;
  exports io.lorikeet.train.sample;
  exports io.lorikeet.train.settings;

  uses io.lorikeet.train.parallel.Machines.Provider;
}
