/// From files to examples. [DataFiles] finds the files that a name means; [ExampleReader] reads
/// them: records of JSON, tables or Parquet, each in a layout of [ExampleFormat], or texts.
@Beta
@NullMarked
package io.lorikeet.train.data.files;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
