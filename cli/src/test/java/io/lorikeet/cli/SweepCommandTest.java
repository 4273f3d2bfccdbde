package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `sweep` on a random base, in words and for programs.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class SweepCommandTest {
  @TempDir private Path folder;

  @Test
  void tellsProgramsTheSame() throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 12; i++) {
      lines.append("{\"prompt\": \"count %d\", \"completion\": \" %d on\"}%n".formatted(i, i + 1));
    }
    Path data = Files.writeString(folder.resolve("data.jsonl"), lines);
    Path config =
        Files.writeString(
            folder.resolve("sweep.yaml"),
            """
            folder: %s
            budget: 6
            train: {model: %s, data: %s, validation: 0.2, context: 32, device: cpu, threads: 1}
            try: {rank: [2, 4]}
            """
                .formatted(folder.resolve("sweep"), base, data));
    CommandRun words = CommandRun.of("sweep", "--config", config).assertSucceeds();
    CommandRun run = CommandRun.of("sweep", "--config", config, "--json").assertSucceeds();
    JsonNode json = JsonMapper.builder().build().readTree(run.out());
    String adapter = json.get("best_adapter").asText();
    assertTrue(words.out().contains("best adapter: " + adapter), words.out() + run.out());
    assertEquals(2, json.get("runs").size(), run.out());
    assertTrue(json.get("runs").get(0).get("validation_loss").asDouble() > 0, run.out());
    assertTrue(json.get("runs").get(0).get("settings").get("rank").asInt() >= 2, run.out());
  }
}
