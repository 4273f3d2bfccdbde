package io.lorikeet.cli;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.parallel.Machines;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/// The flags that name a cluster. They are no settings of a run: it goes on anywhere.
final class ClusterFlags {
  private static final String CLUSTER = "--cluster";
  private static final String CLUSTER_CONFIG = "--cluster-config";

  /// The address that spark-submit leaves to the program that it starts.
  private static final String SUBMITTED_TO = "spark.master";

  private ClusterFlags() {}

  static void add(CommandSpec command) {
    command.addOption(
        OptionSpec.builder(CLUSTER)
            .type(String.class)
            .paramLabel("ADDRESS")
            .description("compute on a cluster of Apache Spark: spark://HOST:PORT")
            .build());
    command.addOption(
        OptionSpec.builder(CLUSTER_CONFIG)
            .type(Path.class)
            .paramLabel("FILE")
            .description("properties of Spark, with the cluster's secret")
            .build());
  }

  /// The cluster that a command is to compute on, if one was named.
  ///
  /// @throws InvalidInputException when it can't be used, or Spark isn't there
  static Optional<Machines> machines(ParseResult parsed) {
    String address = parsed.matchedOptionValue(CLUSTER, System.getProperty(SUBMITTED_TO));
    Optional<Path> settings =
        Optional.ofNullable(parsed.matchedOptionValue(CLUSTER_CONFIG, (Path) null));
    if (address == null) {
      if (settings.isPresent()) {
        throw new InvalidInputException("cluster-config: it goes with --cluster, which is missing");
      }
      return Optional.empty();
    }
    Machines.Provider provider =
        Machines.Provider.find()
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        """
                        cluster: Spark isn't beside this program. A checkout gets it, some 230 MB, by:
                          mvn -q -DskipTests -pl spark -am package
                        and then starts with it by itself: ./lorikeet train --cluster %s (docs/cluster.md)"""
                            .formatted(address)));
    return Optional.of(provider.connect(address, settings));
  }
}
