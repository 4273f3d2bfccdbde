/// From files of examples to batches of tokens. The way of one example:
///
/// 1. [io.lorikeet.train.data.files.ExampleReader] reads files and recognizes the layout of each
///    record: an [Example].
/// 2. [ExampleTokenizer] turns it into tokens of the base's vocabulary ([TextEncoding]), chats by
///    their template ([ChatEncoding]), and cuts, divides or drops those longer than the context: a
///    [TokenizedExample]. That is done on several threads, and kept in a file that is mapped.
/// 3. Duplicates are found, and measured examples are taken out of the training data. Examples that
///    are turns of one chat become a [TokenTree], and all are put into rows, best fit: a [DataSet].
/// 4. [BatchPlan] says which rows make which step, and [MicroBatch] lays them out for the model.
///
/// [TrainingData] does the first three for a training run, [DataFigures] and [OddExamples] say what
/// there is to say before one.
@Beta
@NullMarked
package io.lorikeet.train.data;

import io.lorikeet.bindings.Beta;
import io.lorikeet.train.data.files.Example;
import org.jspecify.annotations.NullMarked;
