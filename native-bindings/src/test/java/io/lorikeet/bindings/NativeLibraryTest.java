package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  @Test
  void loadsTheVersionThatTheBindingsAreFor() {
    NativeLibrary.Loaded loaded = NativeLibrary.load();
    assertEquals(AbiCheck.minor(NativeLibrary.GGML_VERSION), AbiCheck.minor(loaded.ggmlVersion()));
    assertEquals(loaded, NativeLibrary.load());
    assertTrue(Backend.devices().stream().anyMatch(device -> device.name().equals("cpu")));
  }

  @Test
  @Tag("vulkan")
  void vulkanOffersItsFirstDevice() {
    VulkanDevice.assumePresent();
    assertEquals(List.of(), NativeLibrary.load().missingBackends());
  }

  @Test
  void findsALibraryUnderTheNamesThatBuildsGiveIt(@TempDir Path folder) throws IOException {
    NativeLocation location = new NativeLocation(folder, "a test");
    GgmlException missing = assertThrows(GgmlException.class, () -> location.file("ggml"));
    assertTrue(missing.getMessage().contains(folder.toString()), missing.getMessage());
    for (String name :
        List.of("libggml.v0.5.0.so", "libggml.so.0.25.1", "libggml.so.0", "libggml.dylib")) {
      Files.createFile(folder.resolve("libggml-base.so"));
      Files.createFile(folder.resolve("libggml-cpu-x64.so"));
      Files.createFile(folder.resolve(name));
      assertEquals(folder.resolve(name), location.file("ggml"));
      for (Path file : Files.list(folder).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void aBackendThatCannotBeLoadedIsExplained(@TempDir Path folder) throws IOException {
    NativeLibrary.load();
    assertEquals(List.of(), MissingBackends.explain(folder));
    Files.writeString(folder.resolve("libggml-cuda.so"), "not a library");
    List<String> sentences = MissingBackends.explain(folder);
    assertEquals(1, sentences.size());
    assertTrue(sentences.getFirst().startsWith("CUDA can't be used: "), sentences.toString());
  }

  @Test
  void versionsAgreeByTheirFirstTwoNumbers() {
    assertEquals("0.25", AbiCheck.minor("0.25.1"));
    assertEquals("0.25", AbiCheck.minor("0.25.12-dirty"));
    assertNotEquals(AbiCheck.minor("0.25.1"), AbiCheck.minor("0.2.51"));
    assertEquals("unknown", AbiCheck.minor("unknown"));
  }
}
