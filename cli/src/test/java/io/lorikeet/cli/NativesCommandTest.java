package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.bindings.NativeLibrary;
import java.io.IOException;
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
  void tellsProgramsTheSame() throws IOException {
    CommandRun run = CommandRun.of("natives", "--json").assertSucceeds();
    JsonNode json = JsonMapper.builder().build().readTree(run.out());
    assertEquals(NativeLibrary.load().ggmlVersion(), json.get("ggml").asText(), run.out());
    assertTrue(json.get("devices").findValuesAsText("name").contains("cpu"), run.out());
  }

  @Test
  void installsOnlyIntoACheckout() {
    CommandRun.of("natives", "--backend", "vulkan").assertFails(Failure.BAD_INPUT, "./lorikeet");
  }
}
