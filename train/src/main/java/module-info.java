/// Training: data, optimizer, the loop.
module io.lorikeet.train {
  requires transitive io.lorikeet.models;
  requires com.fasterxml.jackson.databind;
  requires com.fasterxml.jackson.dataformat.csv;
  requires com.fasterxml.jackson.dataformat.yaml;
  requires com.github.luben.zstd_jni;
  requires dev.hardwood.core;
  requires java.logging;

  exports io.lorikeet.train;
  exports io.lorikeet.train.data;
  exports io.lorikeet.train.data.files;
}
