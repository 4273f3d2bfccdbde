/// Training: data, optimizer, the loop.
module io.lorikeet.train {
  requires transitive io.lorikeet.models;
  requires com.fasterxml.jackson.databind;
  requires com.fasterxml.jackson.dataformat.yaml;

  exports io.lorikeet.train;
  exports io.lorikeet.train.data;
}
