/// From files to examples. [DataFiles] finds the files that a name means; [ExampleReader] reads
/// them: records of JSON, tables or Parquet, each in a layout of [ExampleFormat], or texts.
package io.lorikeet.train.data.files;
