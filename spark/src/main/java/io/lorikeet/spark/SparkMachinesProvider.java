package io.lorikeet.spark;

import io.lorikeet.train.parallel.Machines;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Finds Spark for [Machines].
public final class SparkMachinesProvider implements Machines.Provider {
  public SparkMachinesProvider() {}

  @Override
  public Machines connect(String address, Optional<Path> settings) {
    quietly();
    return new SparkMachines(ClusterSettings.of(address, settings));
  }

  /// Spark's own words are for its developers; Lorikeet says what is the matter. Spark begins to
  /// talk when its settings are read.
  private static void quietly() {
    if (!"debug".equals(System.getProperty("org.slf4j.simpleLogger.defaultLogLevel"))) {
      for (String logger : List.of("org.apache", "org.sparkproject", "io.netty")) {
        System.setProperty("org.slf4j.simpleLogger.log." + logger, "off");
      }
    }
  }
}
