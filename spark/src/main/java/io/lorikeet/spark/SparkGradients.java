package io.lorikeet.spark;

import io.lorikeet.bindings.Tensor;
import io.lorikeet.models.architecture.TransformerModel;
import io.lorikeet.models.architecture.TransformerModel.Losses;
import io.lorikeet.models.architecture.TransformerModel.Pass;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.parallel.GradientJob;
import io.lorikeet.train.parallel.MachineException;
import io.lorikeet.train.parallel.MicroBatchWork;
import io.lorikeet.train.parallel.StepGradients;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.spark.HashPartitioner;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/// The gradients of a run's steps, computed by the executors of a cluster.
final class SparkGradients implements StepGradients {
  /// Numbers of a chunk: 4 MiB.
  static final int CHUNK = 1 << 20;

  private final JavaSparkContext context;
  private final String run;
  private final Broadcast<GradientJob> job;
  private final int elements;
  private final MachineTroubles troubles;
  private final TrainingListener events;
  private final boolean withinProcess;
  private final Set<String> warned = new HashSet<>();
  private final StepTimes times = new StepTimes();
  private long steps;

  /// @param run its name among all that this driver has started
  /// @param withinProcess whether the executors are threads of this process
  SparkGradients(
      JavaSparkContext context,
      String run,
      GradientJob job,
      MachineTroubles troubles,
      TrainingListener events,
      boolean withinProcess) {
    this.context = context;
    this.run = run;
    this.job = context.broadcast(job);
    this.troubles = troubles;
    this.events = events;
    this.withinProcess = withinProcess;
    elements = job.elements();
  }

  @Override
  public Losses add(
      TransformerModel model, List<Pass> passes, Supplier<Tensor> squares, Runnable afterBatch) {
    long start = System.nanoTime();
    List<MicroBatchWork> works =
        IntStream.range(0, passes.size())
            .mapToObj(i -> MicroBatchWork.of(i, passes.get(i)))
            .toList();
    Tensor gradients = model.lora().gradients();
    StepPart.Outcome[] outcomes = new StepPart.Outcome[works.size()];
    Received received = new Received(gradients, outcomes);
    Broadcast<byte[]> parameters = context.broadcast(bytes(model.lora().values()));
    try {
      run(works, parameters, received);
    } finally {
      parameters.destroy();
    }
    requireUsable(outcomes);
    received.requireComplete(Math.ceilDiv(elements, CHUNK));
    warnOfDifferences(outcomes);
    times.step(System.nanoTime() - start, List.of(outcomes));
    steps++;
    afterBatch.run();
    List<float[]> losses = Arrays.stream(outcomes).map(StepPart.Outcome::losses).toList();
    return new Losses(losses, squares.get().downloadFloats()[0]);
  }

  private void run(List<MicroBatchWork> works, Broadcast<byte[]> parameters, Received received) {
    int chunks = Math.ceilDiv(elements, CHUNK);
    JavaPairRDD<Integer, StepPart> parts =
        context
            .parallelize(works, works.size())
            .flatMapToPair(new ComputeBatch(run, job, parameters, steps, CHUNK))
            .partitionBy(new HashPartitioner(chunks + 1));
    ClassTag<StepSum> tag = ClassTag$.MODULE$.apply(StepSum.class);
    Runnable job =
        () ->
            context
                .sc()
                .<Tuple2<Integer, StepPart>, StepSum>runJob(
                    parts.rdd(), new SumInOrder(works.size()), received, tag);
    try {
      WatchedJob.run(job, () -> troubles.tell(events));
    } finally {
      parts.rdd().cleanShuffleDependencies(true);
    }
  }

  /// Takes each partition's sum as it arrives, on a thread of Spark's. The driver's waits
  /// meanwhile.
  private static final class Received extends AbstractFunction2<Object, StepSum, BoxedUnit> {
    private final Tensor gradients;
    private final StepPart.Outcome[] outcomes;
    private int complete;

    Received(Tensor gradients, StepPart.Outcome[] outcomes) {
      this.gradients = gradients;
      this.outcomes = outcomes;
    }

    @Override
    public synchronized BoxedUnit apply(Object partition, StepSum sum) {
      switch (sum) {
        case StepSum.ChunkSum chunk -> {
          if (chunk.complete()) {
            long offset = (long) (Integer) partition * CHUNK * Float.BYTES;
            gradients.upload(MemorySegment.ofArray(chunk.values()), offset);
            complete++;
          }
        }
        case StepSum.Outcomes all ->
            all.all().forEach(outcome -> outcomes[outcome.number()] = outcome);
      }
      return BoxedUnit.UNIT;
    }

    synchronized void requireComplete(int chunks) {
      if (complete != chunks) {
        throw new IllegalStateException(
            "%s of %s chunks of the gradient arrived".formatted(complete, chunks));
      }
    }
  }

  private static byte[] bytes(Tensor vector) {
    byte[] bytes = new byte[Math.toIntExact(vector.shape().elements() * Float.BYTES)];
    vector.download(MemorySegment.ofArray(bytes), 0);
    return bytes;
  }

  /// @throws InvalidInputException in the first step, else MachineException: the run's state is
  ///     kept
  private void requireUsable(StepPart.Outcome[] outcomes) {
    List<String> problems = new ArrayList<>();
    for (StepPart.Outcome outcome : outcomes) {
      if (outcome.problem() != null) {
        problems.add(outcome.machine().host() + ": " + outcome.problem());
      }
    }
    if (problems.isEmpty()) {
      return;
    }
    String message =
        "cluster: a machine can't compute for this run\n"
            + String.join("\n", problems.stream().distinct().sorted().toList());
    throw steps == 0 ? new InvalidInputException(message) : new MachineException(message, null);
  }

  private void warnOfDifferences(StepPart.Outcome[] outcomes) {
    for (StepPart.Outcome outcome : outcomes) {
      if (!outcome.differences().isEmpty() && warned.add(outcome.machine().host())) {
        events.on(
            new TrainingEvent.Warning(
                "%s computes with another processor or library (%s), so the adapter may differ by rounding from that of one machine"
                    .formatted(
                        outcome.machine().host(), String.join("; ", outcome.differences()))));
      }
    }
  }

  @Override
  public void close() {
    times.summary().ifPresent(words -> events.on(new TrainingEvent.Note(words)));
    job.destroy();
    if (withinProcess) {
      try {
        WorkerPool.ofProcess().close(run);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
