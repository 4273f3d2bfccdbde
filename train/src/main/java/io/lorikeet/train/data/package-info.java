/// From files of examples to batches of tokens. The way of one example:
///
/// 1. [ExampleReader] reads files and recognizes the layout of each object by its keys
/// ([ExampleFormat]): an [Example]. 2. [ExampleTokenizer] turns it into tokens of the base's
/// vocabulary ([TextEncoding]) and cuts or drops what is longer
///    than the context: a [TokenizedExample].
/// 3. [Packer] puts several into one [PackedRow]; rows make a [DataSet].
/// 4. [BatchPlan] says which rows make which step, and [MicroBatch] lays them out for the model.
///
/// [TrainingData] does the first three for a training run.
package io.lorikeet.train.data;
