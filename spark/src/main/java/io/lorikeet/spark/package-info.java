/// A run's micro-batches on Apache Spark.
///
/// The driver is the ordinary program: it reads the data, holds the adapter and its moments, and
/// validates. For each step [SparkGradients][io.lorikeet.spark.SparkGradients] broadcasts the
/// parameters. Each micro-batch is a partition: [ComputeBatch][io.lorikeet.spark.ComputeBatch]
/// computes its gradient in an executor and gives it out in chunks.
/// [SumInOrder][io.lorikeet.spark.SumInOrder] adds the chunks of one place in the order of the
/// micro-batches, in any executor, and the driver gets each sum once. A lost executor's partitions
/// are computed again by Spark, and give the same bytes.
@NullMarked
package io.lorikeet.spark;

import org.jspecify.annotations.NullMarked;
