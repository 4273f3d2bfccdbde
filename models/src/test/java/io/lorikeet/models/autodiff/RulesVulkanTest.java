package io.lorikeet.models.autodiff;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.VulkanDevice;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Every gradient rule on a Vulkan device, as `bench/gpu` checks them on other devices.
@Tag("vulkan")
@Tag("long")
@ExtendWith(LeakCheck.class)
class RulesVulkanTest {
  @TempDir Path folder;

  @Test
  void gradientsAreTheCpus() throws IOException {
    VulkanDevice.assumePresent();
    Path file = folder.resolve("rules");
    RulesOnDevice.write(file);
    assertTrue(RulesOnDevice.compare(file, VulkanDevice.NAME));
  }
}
