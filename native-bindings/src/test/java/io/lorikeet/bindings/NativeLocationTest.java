package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Where libraries are looked for below the folder that the launcher names.
class NativeLocationTest {
  private static final String HOME = "lorikeet.home";
  private static final String NAMED = "lorikeet.native.dir";

  @TempDir private Path home;
  private final Map<String, String> before = new HashMap<>();

  @BeforeEach
  void nameTheHomeAlone() {
    assumeTrue(System.getenv("LORIKEET_NATIVE_DIR") == null, "a folder is named");
    before.put(HOME, System.getProperty(HOME));
    before.put(NAMED, System.getProperty(NAMED));
    System.setProperty(HOME, home.toString());
    System.clearProperty(NAMED);
  }

  @AfterEach
  void giveNamesBack() {
    before.forEach(
        (name, value) -> {
          if (value == null) {
            System.clearProperty(name);
          } else {
            System.setProperty(name, value);
          }
        });
  }

  @Test
  void ofADistribution() throws IOException {
    Path natives = Files.createDirectory(home.resolve("natives"));
    assertEquals(natives, NativeLocation.find().folder());
    assertEquals(false, InstalledNatives.ofCheckout().isPresent());
  }

  @Test
  void ofACheckoutTheInstalledPackage() throws IOException {
    Path packages = Files.createDirectories(home.resolve("native-bindings/natives"));
    Path cpu = Files.createDirectories(packages.resolve(NativeLocation.platform() + "/lib"));
    assertEquals(cpu, NativeLocation.find().folder());
    Path vulkan =
        Files.createDirectories(packages.resolve(NativeLocation.platform() + "-vulkan/lib"));
    Files.writeString(packages.resolve("in-use"), vulkan.getParent().getFileName() + "\n");
    assertEquals(vulkan, NativeLocation.find().folder());
  }
}
