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
  private final LostMachines lost = new LostMachines();
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
  private JavaSparkContext context(int wanted) {
    if (opened != null && threads != wanted) {
      close();
    }
    if (opened == null) {
      quietly();
      settings.master().ifPresent(SparkMachines::requireAnswer);
      SparkConf conf = settings.conf(wanted);
      if (settings.isCluster()) {
        conf.set("spark.jars", String.join(",", ownJars()));
      }
      opened = open(conf);
      opened.sc().addSparkListener(lost);
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

  /// Spark's own words are for its developers; Lorikeet says what is the matter.
  private static void quietly() {
    if (!"debug".equals(System.getProperty("org.slf4j.simpleLogger.defaultLogLevel"))) {
      for (String logger : List.of("org.apache", "org.sparkproject", "io.netty")) {
        System.setProperty("org.slf4j.simpleLogger.log." + logger, "off");
      }
    }
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
  private static List<String> ownJars() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(jar -> jar.endsWith(".jar"))
        .filter(SparkJars::isOurs)
        .map(jar -> Path.of(jar).toAbsolutePath().toString())
        .toList();
  }

  @Override
  public StepGradients begin(GradientJob job, TrainingListener events) {
    if (!settings.isSafe()) {
      events.on(
          new TrainingEvent.Warning(
              "the cluster's settings turn authentication or encryption off: whoever reaches its ports can read along or take part"));
    }
    JavaSparkContext context = context(job.parsedComputation().threads());
    awaitExecutors(context);
    String run = context.sc().applicationId() + "-" + ++runs;
    return new SparkGradients(context, run, job, lost, events, !settings.isCluster());
  }

  @Override
  public <R extends Serializable> void each(
      List<? extends MachineTask<R>> tasks, int cores, BiConsumer<Integer, R> done) {
    JavaSparkContext context = context(cores);
    awaitExecutors(context);
    List<MachineTask<R>> list = List.copyOf(tasks);
    ClassTag<Serializable> tag = ClassTag$.MODULE$.apply(Serializable.class);
    try {
      context
          .sc()
          .<MachineTask<R>, Serializable>runJob(
              context.parallelize(list, list.size()).rdd(),
              new RunTask<R>(),
              new Arrived<>(done),
              tag);
    } catch (Exception e) { // Scala doesn't say which
      throw TaskProblem.of(e);
    }
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

  private static final class Arrived<R> extends AbstractFunction2<Object, Serializable, BoxedUnit> {
    private final BiConsumer<Integer, R> done;

    Arrived(BiConsumer<Integer, R> done) {
      this.done = done;
    }

    @Override
    @SuppressWarnings("unchecked") // tasks give nothing else
    public BoxedUnit apply(Object place, Serializable result) {
      done.accept((Integer) place, (R) result);
      return BoxedUnit.UNIT;
    }
  }

  private void awaitExecutors(JavaSparkContext context) {
    long end = System.nanoTime() + SECONDS_TO_BEGIN * 1_000_000_000L;
    while (settings.isCluster() && context.statusTracker().getExecutorInfos().length < 2) {
      if (System.nanoTime() > end || context.sc().isStopped()) {
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
