package io.lorikeet.spark;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.parallel.GradientJob;
import io.lorikeet.train.parallel.MachineException;
import io.lorikeet.train.parallel.MachineTask;
import io.lorikeet.train.parallel.Machines;
import io.lorikeet.train.parallel.StepGradients;
import java.io.File;
import java.io.IOException;
import java.io.Serial;
import java.io.Serializable;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.jspecify.annotations.Nullable;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction1;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/// A cluster of Spark's own kind, or executors within this process. The first run connects.
final class SparkMachines implements Machines {
  private static final int MILLIS_TO_ANSWER = 5_000;
  private static final int SECONDS_TO_BEGIN = 180;

  private final ClusterSettings settings;
  private final MachineTroubles troubles = new MachineTroubles();
  private @Nullable JavaSparkContext opened;
  private int threads;
  private int runs;

  SparkMachines(ClusterSettings settings) {
    this.settings = settings;
  }

  @Override
  public List<Path> files() {
    return settings.file().stream().toList();
  }

  /// A connection whose tasks have as many cores as a micro-batch is computed with.
  private JavaSparkContext context(int wanted, TrainingListener events) {
    if (opened != null && threads != wanted) {
      close();
    }
    if (opened == null) {
      if (!settings.isSafe()) {
        events.on(
            new TrainingEvent.Warning(
                "the cluster's settings turn authentication or encryption off: whoever reaches its ports can read along or take part"));
      }
      settings.master().ifPresent(SparkMachines::requireAnswer);
      SparkConf conf = settings.conf(wanted);
      if (settings.isCluster()) {
        Stream<String> submitted = Stream.of(conf.get("spark.jars", "").split(","));
        Stream<String> all = Stream.concat(submitted.filter(jar -> !jar.isBlank()), ownJars());
        conf.set("spark.jars", String.join(",", all.toList()));
      }
      opened = open(conf);
      opened.sc().addSparkListener(troubles);
      threads = wanted;
    }
    return opened;
  }

  private static JavaSparkContext open(SparkConf conf) {
    try {
      JavaSparkContext context = new JavaSparkContext(conf);
      if (!context.sc().isStopped()) {
        return context;
      }
    } catch (RuntimeException e) {
      throw refused(conf, e);
    }
    throw refused(conf, null);
  }

  private static InvalidInputException refused(SparkConf conf, @Nullable RuntimeException cause) {
    String message =
        "cluster: %s doesn't let this program in: do its master and this program have the same secret?"
            .formatted(conf.get("spark.master"));
    return cause == null
        ? new InvalidInputException(message)
        : new InvalidInputException(message + " (" + cause.getMessage() + ")", cause);
  }

  private static void requireAnswer(InetSocketAddress master) {
    try (Socket socket = new Socket()) {
      socket.connect(master, MILLIS_TO_ANSWER);
    } catch (IOException e) {
      throw new InvalidInputException(
          "cluster: no master answers at spark://%s:%s (%s)"
              .formatted(master.getHostString(), master.getPort(), e.getMessage()),
          e);
    }
  }

  /// The jars that executors need besides Spark's, which the driver's class path has: they fetch
  /// them from this process.
  private static Stream<String> ownJars() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(jar -> jar.endsWith(".jar"))
        .filter(SparkJars::isOurs)
        .map(jar -> Path.of(jar).toAbsolutePath().toString());
  }

  @Override
  public StepGradients begin(GradientJob job, TrainingListener events) {
    JavaSparkContext context = begun(job.parsedComputation().threads(), events);
    String run = context.sc().applicationId() + "-" + ++runs;
    return new SparkGradients(context, run, job, troubles, events, !settings.isCluster());
  }

  /// A connection with an executor at least.
  private JavaSparkContext begun(int cores, TrainingListener events) {
    JavaSparkContext context = context(cores, events);
    awaitExecutors(context);
    return context;
  }

  @Override
  public <R extends Serializable> void each(
      List<? extends MachineTask<R>> tasks,
      int cores,
      TrainingListener events,
      BiConsumer<Integer, R> done) {
    JavaSparkContext context = begun(cores, events);
    List<MachineTask<R>> list = List.copyOf(tasks);
    Arrived<R> arrived = new Arrived<>();
    ClassTag<Serializable> tag = ClassTag$.MODULE$.apply(Serializable.class);
    Runnable job =
        () ->
            context
                .sc()
                .<MachineTask<R>, Serializable>runJob(
                    context.parallelize(list, list.size()).rdd(), new RunTask<R>(), arrived, tag);
    WatchedJob.run(
        job,
        () -> {
          troubles.tell(events);
          arrived.give(done);
        });
  }

  private static final class RunTask<R extends Serializable>
      extends AbstractFunction1<Iterator<MachineTask<R>>, Serializable> implements Serializable {
    @Serial private static final long serialVersionUID = 1;

    @Override
    public Serializable apply(Iterator<MachineTask<R>> tasks) {
      try {
        return tasks.next().run(SparkEnv.get().blockManager().blockManagerId().host());
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /// Results on their way from a thread of Spark's to the caller's.
  private static final class Arrived<R> extends AbstractFunction2<Object, Serializable, BoxedUnit> {
    private final Queue<Map.Entry<Integer, R>> results = new ConcurrentLinkedQueue<>();

    @Override
    @SuppressWarnings("unchecked") // tasks give nothing else
    public BoxedUnit apply(Object place, Serializable result) {
      results.add(Map.entry((Integer) place, (R) result));
      return BoxedUnit.UNIT;
    }

    void give(BiConsumer<Integer, R> done) {
      for (var next = results.poll(); next != null; next = results.poll()) {
        done.accept(next.getKey(), next.getValue());
      }
    }
  }

  private void awaitExecutors(JavaSparkContext context) {
    long end = System.nanoTime() + SECONDS_TO_BEGIN * 1_000_000_000L;
    while (settings.isCluster() && context.statusTracker().getExecutorInfos().length < 2) {
      if (context.sc().isStopped()) { // a while after it was opened
        throw refused(context.getConf(), null);
      }
      if (System.nanoTime() > end) {
        throw new InvalidInputException(
            "cluster: %s has had no worker with %s free cores for %s seconds"
                .formatted(settings.address(), threads, SECONDS_TO_BEGIN));
      }
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new MachineException("cluster: interrupted", e);
      }
    }
  }

  @Override
  public void close() {
    if (opened != null) {
      opened.close();
      opened = null;
    }
  }
}
