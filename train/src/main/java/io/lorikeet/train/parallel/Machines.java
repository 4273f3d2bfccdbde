package io.lorikeet.train.parallel;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.TrainingListener;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.BiConsumer;

/// A cluster whose processes compute micro-batches, or whole runs.
public interface Machines extends AutoCloseable {
  /// Makes the cluster ready for a run.
  ///
  /// @param events told of machines that differ or are lost
  /// @return adds gradients from now to its close
  /// @throws InvalidInputException when the cluster doesn't let this program in, or has too few
  ///     cores
  StepGradients begin(GradientJob job, TrainingListener events);

  /// Has tasks done, each once by any process; those of a lost process are done again by another.
  ///
  /// @param threads that each computes with
  /// @param events told of machines that are lost
  /// @param done takes each task's place and result as it arrives, on this thread
  /// @throws MachineException when the cluster can't
  <R extends Serializable> void each(
      List<? extends MachineTask<R>> tasks,
      int threads,
      TrainingListener events,
      BiConsumer<Integer, R> done);

  /// The files that say how to reach it, which nobody must overwrite.
  List<Path> files();

  /// Leaves the cluster.
  @Override
  void close();

  /// Connects to clusters of a kind.
  interface Provider {
    /// Looks at address and settings. Nothing is sent before the first run begins.
    ///
    /// @param address of the cluster, such as `spark://host:7077`
    /// @param settings file with the cluster's settings, its secret among them
    /// @throws InvalidInputException when they can't be used
    Machines connect(String address, Optional<Path> settings);

    /// The one that is beside this program, if there is one.
    static Optional<Provider> find() {
      return ServiceLoader.load(Provider.class, Provider.class.getClassLoader()).findFirst();
    }
  }
}
