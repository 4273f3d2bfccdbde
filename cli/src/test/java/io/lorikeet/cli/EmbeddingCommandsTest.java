package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Commands on queries and passages.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class EmbeddingCommandsTest {
  @TempDir private static Path files;
  private static Path base;
  private static Path data;

  @TempDir private Path folder;

  @BeforeAll
  static void makeFiles() throws IOException {
    base = RandomModel.of(TensorType.Q4_0).write(files.resolve("base.gguf"));
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      lines.add(
          "{\"query\": \"find %d\", \"pos\": [\"%d is here\"], \"neg\": [\"nothing %d\"]}"
              .formatted(i, i, i));
    }
    data = Files.write(files.resolve("data.jsonl"), lines);
  }

  private CommandRun train(Object... more) {
    List<Object> all =
        new ArrayList<>(List.of("train", "--model", base, "--data", data, "--output"));
    all.addAll(
        List.of(
            folder.resolve("adapter.gguf"),
            "--context",
            64,
            "--steps",
            6,
            "--batch-size",
            8,
            "--accumulate",
            1,
            "--learning-rate",
            0.02,
            "--threads",
            1,
            "--device",
            "cpu"));
    all.addAll(List.of(more));
    return CommandRun.of(all.toArray());
  }

  @Test
  void trainsProvesAndVerifies() throws IOException {
    CommandRun run = train("--validation", 0.2).assertSucceeds();
    assertTrue(run.out().contains("embeddings are learned (--method contrastive)"), run.out());
    assertTrue(run.out().contains("training: 24 queries, 48 texts to find, "), run.out());
    assertTrue(run.out().matches("(?s).*before training: validation loss \\S+, recall@1 .*"));
    assertFalse(run.out().contains("perplexity"), run.out());
    assertTrue(run.out().contains("cosine of llama.cpp's and the trainer's"), run.out());
    assertTrue(run.out().contains("verified: "), run.out());
    assertTrue(
        run.out().matches("(?s).*\nrecall@1 +\\S+ % before, \\S+ % after; MRR .*"), run.out());
    assertTrue(run.out().contains("--embeddings --pooling last"), run.out());
    assertFalse(run.out().contains("Modelfile"), run.out());
    String report = Files.readString(folder.resolve("adapter-run").resolve("report.html"));
    assertTrue(report.contains("recall@1") && report.contains("Loss of contrastive learning"));
    JsonNode proof =
        new ObjectMapper()
            .readTree(
                CommandRun.of(
                        "verify",
                        "--model",
                        base,
                        "--adapter",
                        folder.resolve("adapter.gguf"),
                        "--data",
                        data,
                        "--threads",
                        1,
                        "--device",
                        "cpu",
                        "--json")
                    .assertSucceeds()
                    .out());
    assertTrue(proof.path("least_cosine").asDouble() > 0.999, proof::toString);
  }

  @Test
  void showsTexts() throws IOException {
    CommandRun run =
        CommandRun.of("data", "--model", base, "--data", data, "--context", 64, "--show", 1)
            .assertSucceeds();
    assertTrue(run.out().contains("texts           90, of "), run.out());
    assertTrue(run.out().contains(data + ":1\nquery "), run.out());
    assertTrue(run.out().contains("tokens  <s> find 0\n"), run.out());
    assertTrue(run.out().contains("tokens  <s> 0 is here\n"), run.out());
    assertTrue(run.out().contains("tokens  <s> nothing 0\n"), run.out());
    assertFalse(run.out().contains("⟦"), run.out());
  }

  @Test
  void badInputIsToldInALine() throws IOException {
    assertEquals(2, train("--method", "contrastive", "--keep-base", 0.1).exitCode());
    Path bad =
        Files.writeString(
            folder.resolve("bad.jsonl"), "{\"anchor\": \"a\", \"positive\": \"a\"}\n");
    CommandRun same =
        CommandRun.of(
            "train", "--model", base, "--data", bad, "--output", folder.resolve("b.gguf"));
    assertEquals(2, same.exitCode());
    assertTrue(
        same.err().contains(bad + ":1: a query and a passage that are the same"), same.err());
    CommandRun measured = CommandRun.of("eval", "--model", base, "--data", data);
    assertEquals(2, measured.exitCode());
    assertTrue(measured.err().contains(data + ":1: a query with its passages"), measured.err());
  }
}
