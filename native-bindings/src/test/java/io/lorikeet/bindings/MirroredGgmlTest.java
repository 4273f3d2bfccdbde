package io.lorikeet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// Some classes compute beforehand how much memory code of ggml's takes, which ggml can't be asked
/// for. With another ggml somebody has to read that code again.
class MirroredGgmlTest {
  private static final String ADVICE =
      "read the lines of ggml that %s names in the new version, and mend what differs; then set"
          + " its MIRRORED";

  @Test
  void theBindingsAreForTheVersionThatWasRead() {
    assertEquals(CudaScratch.MIRRORED, NativeLibrary.GGML_VERSION, ADVICE.formatted("CudaScratch"));
    assertEquals(
        VulkanScratch.MIRRORED, NativeLibrary.GGML_VERSION, ADVICE.formatted("VulkanScratch"));
  }

  /// Libraries of ggml with another last number of the version are loaded too, so the packaged one
  /// has to be of the version that was read.
  @Test
  void soIsThePackagedOne() {
    Assumptions.assumeTrue(System.getenv("LORIKEET_NATIVE_DIR") == null, "a ggml of one's own");
    assertEquals(NativeLibrary.GGML_VERSION, NativeLibrary.load().ggmlVersion());
  }
}
