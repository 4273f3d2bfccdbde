package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufValue;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// `train` on chats.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class ChatTrainingTest {
  private static final String TEMPLATE =
      """
      {{- bos_token }}{% for message in messages %}
      {% if (message.role == 'user') != (loop.index0 % 2 == 0) %}
      {{ raise_exception('roles must alternate') }}
      {% endif %}
      {{- '[' + message.role + '] ' + message.content }}
      {%- if message.role == 'assistant' %}{{ eos_token }}{% endif %}
      {% endfor %}
      {% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}
      """;

  @TempDir private static Path files;
  private static Path base;
  private static Path chats;

  @TempDir private Path folder;

  @BeforeAll
  static void makeFiles() throws IOException {
    base =
        RandomModel.of(TensorType.Q4_0)
            .put("tokenizer.chat_template", new GgufValue.TextValue(TEMPLATE))
            .write(files.resolve("base.gguf"));
    chats = files.resolve("chats.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      lines.add(
          chat("user", "count " + i, "assistant", i + " and on", "user", "so", "assistant", "yes"));
    }
    Files.write(chats, lines);
  }

  @Test
  void trainsOnChatsByTheBasesTemplate() throws IOException {
    CommandRun run = train(base, chats, "--steps", 3, "--context", 96, "--rank", 4);
    run.assertSucceeds();
    assertTrue(run.out().contains("20 examples of messages"), run.out());
    assertTrue(run.out().contains("verified: "), run.out());
  }

  @Test
  void aTemplateByNameOrFromAFile() throws IOException {
    Path file = Files.writeString(folder.resolve("own.jinja"), TEMPLATE.replace('[', '<'));
    for (Object name : List.of("mistral-v1", file)) {
      train(base, chats, "--steps", 1, "--context", 96, "--rank", 4, "--chat-template", name)
          .assertSucceeds();
      Files.delete(folder.resolve("adapter.gguf"));
      Files.delete(folder.resolve("adapter.MODEL_CARD.md"));
    }
    train(base, chats, "--chat-template", "mistral-v9")
        .assertFails(2, "mistral-v9", "chatml, gemma");
    Path broken = Files.writeString(folder.resolve("broken.jinja"), "{% if %}");
    train(base, chats, "--chat-template", broken).assertFails(2, "broken.jinja, line 1");
  }

  @Test
  void chatsThatTheTemplateRefuses() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("chats.jsonl"), chat("user", "a", "user", "b", "assistant", "c"));
    train(base, file)
        .assertFails(
            2,
            file + ":1",
            "the chat template of base.gguf, line 3: roles must alternate",
            "(roles: user, user, assistant)");
  }

  @Test
  void aBaseWithoutATemplate() throws IOException {
    Path plain = RandomModel.of(TensorType.Q4_0).write(folder.resolve("plain.gguf"));
    Path file =
        Files.writeString(folder.resolve("chats.jsonl"), chat("user", "a", "assistant", "c"));
    CommandRun run = train(plain, file).assertSucceeds();
    assertTrue(run.out().contains("1 example written as ChatML"), run.out());
  }

  private CommandRun train(Path model, Path data, Object... more) {
    Object[] common = {
      "train",
      "--model",
      model,
      "--data",
      data,
      "--output",
      folder.resolve("adapter.gguf"),
      "--run",
      folder.resolve("run" + System.nanoTime()),
      "--threads",
      1,
      "--device",
      "cpu",
      "--cache",
      folder.resolve("cache")
    };
    return CommandRun.of(Stream.of(common, more).flatMap(Stream::of).toArray());
  }

  private static String chat(String... rolesAndTexts) {
    List<String> messages = new ArrayList<>();
    for (int i = 0; i < rolesAndTexts.length; i += 2) {
      messages.add(
          "{\"role\": \"%s\", \"content\": \"%s\"}"
              .formatted(rolesAndTexts[i], rolesAndTexts[i + 1]));
    }
    return "{\"messages\": [" + String.join(", ", messages) + "]}";
  }
}
