package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.NativeLibrary;
import org.junit.jupiter.api.Test;

class NativesCommandTest {
  @Test
  void showsVersionsAndDevices() {
    CommandRun run = CommandRun.of("natives").assertSucceeds();
    assertTrue(run.out().contains(NativeLibrary.load().location().folder().toString()), run.out());
    assertTrue(run.out().contains(NativeLibrary.load().ggmlVersion()), run.out());
    assertTrue(run.out().contains("cpu"), run.out());
  }

  @Test
  void installsOnlyIntoACheckout() {
    CommandRun.of("natives", "--backend", "vulkan").assertFails(Failure.BAD_INPUT, "./lorikeet");
  }
}
