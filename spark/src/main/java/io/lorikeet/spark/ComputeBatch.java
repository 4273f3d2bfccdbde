package io.lorikeet.spark;

import io.lorikeet.train.parallel.GradientJob;
import io.lorikeet.train.parallel.GradientWorker.MicroBatchResult;
import io.lorikeet.train.parallel.MicroBatchWork;
import java.io.Serial;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/// Computes a micro-batch in an executor, and gives its gradient out in chunks, each under its own
/// number. All else has the number after the last chunk's.
final class ComputeBatch implements PairFlatMapFunction<MicroBatchWork, Integer, StepPart> {
  @Serial private static final long serialVersionUID = 1;

  private final String run;
  private final Broadcast<GradientJob> job;
  private final Broadcast<byte[]> parameters;
  private final long version;
  private final int chunk;

  /// @param run its name among all that this driver has started
  /// @param parameters F32, little-endian
  /// @param version their number in the run
  /// @param chunk numbers of a chunk
  ComputeBatch(
      String run,
      Broadcast<GradientJob> job,
      Broadcast<byte[]> parameters,
      long version,
      int chunk) {
    this.run = run;
    this.job = job;
    this.parameters = parameters;
    this.version = version;
    this.chunk = chunk;
  }

  @Override
  public Iterator<Tuple2<Integer, StepPart>> call(MicroBatchWork work) throws Exception {
    GradientJob wanted = job.value();
    int chunks = Math.ceilDiv(wanted.elements(), chunk);
    StepPart.Machine machine = machine();
    WorkerThread worker;
    try {
      worker = WorkerPool.ofProcess().take(run, wanted);
    } catch (UnusableMachineException e) {
      StepPart problem =
          new StepPart.Outcome(
              work.number(), new float[0], 0, machine, List.of(), String.valueOf(e.getMessage()));
      return List.of(new Tuple2<>(chunks, problem)).iterator();
    }
    MemorySegment values = MemorySegment.ofArray(parameters.value());
    MicroBatchResult result = worker.compute(version, values, work);
    StepPart outcome =
        new StepPart.Outcome(
            work.number(), result.losses(), result.nanos(), machine, worker.differences(), null);
    Stream<Tuple2<Integer, StepPart>> gradient =
        IntStream.range(0, chunks)
            .mapToObj(i -> new Tuple2<>(i, chunk(work.number(), result.gradient(), i)));
    return Stream.concat(gradient, Stream.of(new Tuple2<>(chunks, outcome))).iterator();
  }

  private StepPart chunk(int number, MemorySegment gradient, int i) {
    long start = (long) i * chunk * Float.BYTES;
    long length = Math.min((long) chunk * Float.BYTES, gradient.byteSize() - start);
    return new StepPart.Chunk(
        number, gradient.asSlice(start, length).toArray(ValueLayout.JAVA_BYTE));
  }

  private static StepPart.Machine machine() {
    SparkEnv env = SparkEnv.get();
    return new StepPart.Machine(env.blockManager().blockManagerId().host(), env.executorId());
  }
}
