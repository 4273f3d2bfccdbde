package io.lorikeet.spark;

import io.lorikeet.train.parallel.Machines;
import java.nio.file.Path;
import java.util.Optional;

/// Finds Spark for [Machines].
public final class SparkMachinesProvider implements Machines.Provider {
  public SparkMachinesProvider() {}

  @Override
  public Machines connect(String address, Optional<Path> settings) {
    return new SparkMachines(ClusterSettings.of(address, settings));
  }
}
