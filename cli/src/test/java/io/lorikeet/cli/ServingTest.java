package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.adapter.AdapterFile;
import io.lorikeet.models.adapter.TrainedTemplate;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.models.text.template.ChatTemplates;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Adapters trained with a chat template are served with it.
@ExtendWith(LeakCheck.class)
final class ServingTest {
  private static final String CHAT =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
          + "{\"role\":\"assistant\",\"content\":\"b\"}]}\n";

  @TempDir private Path folder;

  @Test
  void aTemplateThatIsNotTheBasesGoesWithTheAdapter() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    Path mine = Files.writeString(folder.resolve("adapter.jinja"), "not a byte is lost");
    CommandRun run = train(base, CHAT);
    Path adapter = folder.resolve("adapter.gguf");
    String chatml = ChatTemplates.builtIn("chatml").source();
    assertEquals(
        Optional.of(new TrainedTemplate("the chat template chatml", chatml)),
        AdapterFile.template(adapter));
    assertEquals("not a byte is lost", Files.readString(mine));
    Path beside = folder.resolve("adapter-2.jinja");
    assertEquals(chatml, Files.readString(beside));
    assertTrue(run.out().contains(" --jinja --chat-template-file " + beside), run.out());
    assertTrue(run.out().contains("TEMPLATE \"\"\"{{ range"), run.out());

    CommandRun.of("generate", "--model", base, "--chat", "--prompt", "a")
        .assertFails(2, "no chat template");
    String asked = generate(base, adapter, "--chat");
    assertFalse(asked.startsWith("a"), "the reply alone: " + asked);
    assertEquals(asked, generate(base, adapter, "--chat", "--chat-template", "chatml"));

    Path merged = folder.resolve("merged.gguf");
    CommandRun.of("merge", "--model", base, "--adapter", adapter, "--output", merged)
        .assertSucceeds();
    try (GgufFile file = GgufFile.openHeader(merged)) {
      assertEquals(chatml, file.metadata().requireString("tokenizer.chat_template"));
    }
  }

  @Test
  void theBasesOwnTemplateNeedsNoFile() throws IOException {
    String own = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant] ";
    Path base =
        RandomModel.of(TensorType.F32)
            .put("tokenizer.chat_template", new GgufValue.TextValue(own))
            .write(folder.resolve("base.gguf"));
    CommandRun run = train(base, CHAT);
    Optional<TrainedTemplate> trained = AdapterFile.template(folder.resolve("adapter.gguf"));
    assertEquals(own, trained.orElseThrow().text());
    assertFalse(run.out().contains("--jinja"), run.out());
    assertFalse(Files.exists(folder.resolve("adapter.jinja")));
  }

  @Test
  void withoutChatsThereIsNoTemplate() throws IOException {
    Path base = RandomModel.of(TensorType.F32).write(folder.resolve("base.gguf"));
    CommandRun run = train(base, "{\"text\":\"abc\"}\n");
    assertEquals(Optional.empty(), AdapterFile.template(folder.resolve("adapter.gguf")));
    assertTrue(run.out().contains("TEMPLATE \"\"\"{{ .Prompt }}\"\"\""), run.out());
  }

  private CommandRun train(Path base, String data) throws IOException {
    Path file = Files.writeString(folder.resolve("data.jsonl"), data);
    return CommandRun.of(
            "train",
            "--model",
            base,
            "--data",
            file,
            "--output",
            folder.resolve("adapter.gguf"),
            "--run",
            folder.resolve("run"),
            "--steps",
            1,
            "--context",
            64,
            "--rank",
            2,
            "--device",
            "cpu",
            "--threads",
            1)
        .assertSucceeds();
  }

  private static String generate(Path base, Path adapter, Object... more) {
    Object[] common = {
      "generate",
      "--model",
      base,
      "--adapter",
      adapter,
      "--prompt",
      "a",
      "--tokens",
      6,
      "--temperature",
      0,
      "--threads",
      1
    };
    Object[] all = Arrays.copyOf(common, common.length + more.length);
    System.arraycopy(more, 0, all, common.length, more.length);
    return CommandRun.of(all).assertSucceeds().out();
  }
}
