package io.lorikeet.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A cluster is closed to others unless its user opens it.
class ClusterSettingsTest {
  private static final String MASTER = "spark://127.0.0.1:7077";

  @TempDir private Path folder;

  private Optional<Path> file(String text) throws IOException {
    return Optional.of(Files.writeString(folder.resolve("cluster.properties"), text));
  }

  private static String refused(String address, Optional<Path> file) {
    return assertThrows(InvalidInputException.class, () -> ClusterSettings.of(address, file))
        .getMessage();
  }

  @Test
  void authenticationAndEncryptionAreOn() throws IOException {
    ClusterSettings settings =
        ClusterSettings.of(MASTER, file("spark.authenticate.secret s3cret\n"));
    SparkConf conf = settings.conf(3);
    assertTrue(settings.isSafe());
    assertEquals("true", conf.get("spark.authenticate"));
    assertEquals("true", conf.get("spark.network.crypto.enabled"));
    assertEquals("true", conf.get("spark.io.encryption.enabled"));
    assertEquals("3", conf.get("spark.task.cpus"));
  }

  @Test
  void onlyTheAddressTowardsTheMasterIsListenedOn() throws IOException {
    SparkConf conf =
        ClusterSettings.of(MASTER, file("spark.authenticate.secret s3cret\nspark.ui.enabled true"))
            .conf(1);
    assertEquals("127.0.0.1", conf.get("spark.driver.host"));
    assertEquals("127.0.0.1", conf.get("spark.driver.bindAddress"));
    assertEquals("false", conf.get("spark.ui.enabled"));
  }

  @Test
  void aClusterWithoutASecretIsRefused() {
    assertTrue(refused(MASTER, Optional.empty()).contains("spark.authenticate.secret"));
  }

  @Test
  void anOpenClusterIsTheUsersWord() throws IOException {
    assertFalse(ClusterSettings.of(MASTER, file("spark.authenticate false\n")).isSafe());
  }

  @Test
  void addressesAndFilesAreChecked() throws IOException {
    assertEquals(
        "cluster: expected spark://HOST:PORT, or local[CORES] to try it in one process, found 'yarn'",
        refused("yarn", Optional.empty()));
    assertTrue(refused("spark://127.0.0.1:70770", Optional.empty()).contains("no port"));
    assertTrue(
        refused(MASTER, Optional.of(folder.resolve("none")))
            .startsWith("cluster-config: there is"));
    assertTrue(
        refused(MASTER, file("secret s3cret")).contains("'secret' isn't a property of Spark"));
    assertEquals(
        "cluster: local[2] has fewer cores than the run's 3 threads; give --threads 2",
        assertThrows(
                InvalidInputException.class,
                () -> ClusterSettings.of("local[2]", Optional.empty()).conf(3))
            .getMessage());
  }
}
