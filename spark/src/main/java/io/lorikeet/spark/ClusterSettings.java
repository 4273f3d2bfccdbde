package io.lorikeet.spark;

import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.io.Reader;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;

/// Spark's settings of a driver. Those that keep the cluster to itself, authentication and
/// encryption, are on unless the user's file says otherwise.
///
/// @param address as it was given
/// @param master the master's address; empty where this process is all there is
/// @param file of the user's settings
/// @param conf complete, but for the threads of a task
record ClusterSettings(
    String address, Optional<InetSocketAddress> master, Optional<Path> file, SparkConf conf) {
  private static final String SECRET = "spark.authenticate.secret";
  private static final String AUTHENTICATE = "spark.authenticate";
  private static final String TASK_CORES = "spark.task.cpus";
  private static final String DRIVER_HOST = "spark.driver.host";
  private static final Pattern STANDALONE =
      Pattern.compile("spark://(\\[[^]]+]|[^:/,]+):(\\d{1,5})");
  private static final Pattern LOCAL = Pattern.compile("local\\[(\\d{1,4})]");

  /// Not for the user's file to change.
  private static final Map<String, String> FIXED =
      Map.of(
          "spark.app.name", "lorikeet",
          "spark.ui.enabled", "false", // a port that nobody asked for
          "spark.speculation", "false");

  /// Unless the user's file says otherwise.
  private static final Map<String, String> DEFAULTS =
      new TreeMap<>(
          Map.of(
              AUTHENTICATE,
              "true",
              "spark.network.crypto.enabled",
              "true",
              "spark.io.encryption.enabled",
              "true",
              "spark.task.maxFailures",
              "8",
              "spark.locality.wait",
              "0", // any executor has what a task needs
              "spark.broadcast.compress",
              "false", // parameters and gradients don't get shorter
              "spark.shuffle.compress",
              "false",
              "spark.shuffle.spill.compress",
              "false",
              "spark.driver.maxResultSize",
              "0", // sums are written off as they arrive
              "spark.executor.defaultJavaOptions", // extraJavaOptions are the user's
              "--enable-native-access=ALL-UNNAMED -XX:+UseSerialGC"));

  /// @param file of Spark's properties
  /// @throws InvalidInputException when the address isn't one, or the settings lack the secret
  static ClusterSettings of(String address, Optional<Path> file) {
    Matcher standalone = STANDALONE.matcher(address);
    Matcher local = LOCAL.matcher(address);
    if (!standalone.matches() && !local.matches()) {
      throw new InvalidInputException(
          "cluster: expected spark://HOST:PORT, or local[CORES] to try it in one process, found '%s'"
              .formatted(address));
    }
    SparkConf conf = new SparkConf(); // with what spark-submit gave
    file.ifPresent(given -> read(given).forEach(conf::set));
    FIXED.forEach(conf::set);
    DEFAULTS.forEach(conf::setIfMissing);
    conf.setMaster(address);
    Optional<InetSocketAddress> master = Optional.empty();
    if (standalone.matches()) {
      master = Optional.of(master(address, standalone));
      requireSecret(conf);
      conf.setIfMissing(DRIVER_HOST, ownAddress(master.get()));
    } else {
      conf.setIfMissing(DRIVER_HOST, "127.0.0.1");
    }
    conf.setIfMissing("spark.driver.bindAddress", conf.get(DRIVER_HOST));
    return new ClusterSettings(address, master, file, conf);
  }

  private static void requireSecret(SparkConf conf) {
    boolean missing = !conf.contains(SECRET) && System.getenv("_SPARK_AUTH_SECRET") == null;
    if (conf.getBoolean(AUTHENTICATE, true) && missing) {
      throw new InvalidInputException(
          "cluster: a cluster has a secret, so that nobody else can use it: give --cluster-config a file with %s, which its master and workers are started with too (docs/cluster.md)"
              .formatted(SECRET));
    }
  }

  private static InetSocketAddress master(String address, Matcher parts) {
    int port = Integer.parseInt(parts.group(2));
    if (port < 1 || port > 65_535) {
      throw new InvalidInputException("cluster: %s has no port from 1 to 65535".formatted(address));
    }
    InetSocketAddress master = new InetSocketAddress(parts.group(1), port);
    if (master.isUnresolved()) {
      throw new InvalidInputException(
          "cluster: there is no machine '%s'".formatted(parts.group(1)));
    }
    return master;
  }

  private static Map<String, String> read(Path file) {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    } catch (NoSuchFileException _) {
      throw new InvalidInputException("cluster-config: there is no file " + file);
    } catch (IOException | IllegalArgumentException e) {
      throw new InvalidInputException(
          "cluster-config: %s can't be read as properties: %s".formatted(file, e.getMessage()), e);
    }
    Map<String, String> values = new TreeMap<>();
    for (String key : properties.stringPropertyNames()) {
      if (!key.startsWith("spark.")) {
        throw new InvalidInputException(
            "cluster-config: %s: '%s' isn't a property of Spark, whose names begin with spark."
                .formatted(file, key));
      }
      values.put(key, properties.getProperty(key).strip());
    }
    return values;
  }

  /// The address of this machine that the master can answer to. Nothing is sent.
  private static String ownAddress(InetSocketAddress master) {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(master);
      return socket.getLocalAddress().getHostAddress();
    } catch (SocketException e) {
      throw new InvalidInputException(
          "cluster: there is no way to %s: %s".formatted(master, e.getMessage()), e);
    }
  }

  /// The settings with as many cores for a task as a micro-batch is computed with.
  ///
  /// @throws InvalidInputException when this process hasn't got as many
  SparkConf conf(int threads) {
    Matcher local = LOCAL.matcher(address);
    if (local.matches() && Integer.parseInt(local.group(1)) < threads) {
      throw new InvalidInputException(
          "cluster: %s has fewer cores than the run's %s threads; give --threads %s"
              .formatted(address, threads, local.group(1)));
    }
    return conf.clone().set(TASK_CORES, Integer.toString(threads));
  }

  /// Whether executors are processes of their own.
  boolean isCluster() {
    return master.isPresent();
  }

  /// Whether nobody without the secret gets in, and nobody reads along.
  boolean isSafe() {
    return conf.getBoolean(AUTHENTICATE, true)
        && conf.getBoolean("spark.network.crypto.enabled", true);
  }
}
