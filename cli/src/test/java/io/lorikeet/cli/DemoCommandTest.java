package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The way of `demo`, with a random base and two steps in the place of the real one's.
@ExtendWith(LeakCheck.class)
class DemoCommandTest {
  private static final String HOME = "lorikeet.home";
  private static final String WORKING_FOLDER = "user.dir";

  @TempDir private Path home;
  @TempDir private Path working;
  private final Map<String, String> before = new HashMap<>();

  @BeforeEach
  void useOwnFolders() {
    for (String name : new String[] {HOME, WORKING_FOLDER}) {
      before.put(name, System.getProperty(name));
    }
    System.setProperty(HOME, home.toString());
    System.setProperty(WORKING_FOLDER, working.toString());
  }

  @AfterEach
  void giveThemBack() {
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
  void trainsProvesAndAnswers() throws IOException {
    Path data = Files.createDirectories(home.resolve("demo/data"));
    RandomModel.of(TensorType.Q4_0).write(home.resolve("demo/base.gguf"));
    Files.writeString(
        home.resolve("demo/train.yaml"),
        "context: 64\nsteps: 3\nlearning-rate: 0.02\nthreads: 1\ndevice: cpu\n");
    String line = "{\"prompt\": \"say %d\", \"completion\": \" it is %d\"}\n";
    Files.writeString(data.resolve("train.jsonl"), line.formatted(1, 1) + line.formatted(2, 2));
    Files.writeString(data.resolve("test.jsonl"), line.formatted(3, 3));
    for (String run : new String[] {"demo", "demo-2"}) {
      String out = CommandRun.of("demo").assertSucceeds().out();
      assertTrue(out.contains("verified: "), out);
      assertTrue(out.contains("base alone:   0 of 1"), out);
      assertTrue(out.contains("say 3"), out);
      assertTrue(Files.exists(working.resolve("runs").resolve(run).resolve("adapter.gguf")));
    }
    assertEquals(List.of("demo"), List.of(home.toFile().list()), "the home is only read");
  }

  @Test
  void withoutACheckoutSaysWhereItsFilesAre() {
    CommandRun.of("demo").assertFails(2, "base.gguf", "checkout");
    assertEquals(0, working.toFile().list().length);
  }
}
