package io.lorikeet.train.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.LeakCheck;
import io.lorikeet.models.text.ChatVocabulary;
import io.lorikeet.models.text.Tokenizer;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.event.Events;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig.TrainOn;
import io.lorikeet.train.settings.TrainingOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// Data that is wrong or unusual, from the file to the rows.
@ExtendWith(LeakCheck.class)
@Tag("slow")
class BadDataTest {
  @TempDir private Path folder;
  private final Events events = new Events();

  /// As Mistral's and Llama 2's templates do.
  private static final String ALTERNATING =
      "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
          + "{{ raise_exception('Roles must alternate user/assistant/user/assistant') }}{% endif %}"
          + "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
          + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

  @Test
  void aTurnThatTheTemplateRefusesIsNamed() throws IOException {
    String good =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"},"
            + " {\"role\": \"assistant\", \"content\": \"b\"}]}\n";
    String bad =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"},"
            + " {\"role\": \"user\", \"content\": \"a\"},"
            + " {\"role\": \"assistant\", \"content\": \"b\"}]}\n";
    Path file = Files.writeString(folder.resolve("data.jsonl"), good + bad.repeat(15_000) + good);
    Path base = ChatVocabulary.bytePairs(folder.resolve("base.gguf"), ALTERNATING);
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
      InvalidInputException e =
          assertThrows(
              InvalidInputException.class,
              () -> TrainingData.tokenize(List.of(file), DataSettings.of(64), encoding, events));
      assertTrue(e.getMessage().startsWith(file + ":2: "), e.getMessage());
      assertTrue(e.getMessage().contains("Roles must alternate"), e.getMessage());
      assertTrue(e.getMessage().contains("user, user, assistant"), e.getMessage());
      assertTrue(e.getMessage().contains("15,000 bad lines"), e.getMessage());
      assertEquals(22, e.getMessage().lines().count());
    }
  }

  @Test
  void whatTheTemplateLeavesOutIsTold() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("data.jsonl"),
            "{\"messages\": [{\"role\": \"system\", \"content\": \"be short\"},"
                + " {\"role\": \"user\", \"content\": \"a\"},"
                + " {\"role\": \"assistant\", \"tool_calls\": [{\"name\": \"clock\", \"arguments\": {}}]},"
                + " {\"role\": \"tool\", \"content\": \"noon\"},"
                + " {\"role\": \"assistant\", \"content\": \"b\"}]}\n");
    String template =
        "{% for m in messages %}{% if m.role != 'system' %}"
            + "{{ '<|im_start|>' + m.role + '\n' + (m.content or '') + '<|im_end|>\n' }}"
            + "{% endif %}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    Path base = ChatVocabulary.bytePairs(folder.resolve("base.gguf"), template);
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
      TrainingData.tokenize(List.of(file), DataSettings.of(512), encoding, events);
      String warnings = String.join("\n", events.warnings());
      assertTrue(
          warnings.contains(
              "leaves out the calls of tools in 1 of the first 1 chats, first " + file + ":1"),
          warnings);
      // llama.cpp's server puts it before the user's message where a template can't take it.
      assertFalse(warnings.contains("system prompt"), warnings);
    }
  }

  /// Nothing to learn is another reason than a context that is too short.
  @Test
  void whyNothingIsLeftIsTold() throws IOException {
    String user = "{\"role\": \"user\", \"content\": \"a\"}";
    String answer = "{\"role\": \"assistant\", \"content\": \"b\"}";
    String silent = answer.replace("}", ", \"weight\": 0}");
    String call =
        "{\"role\": \"assistant\", \"tool_calls\": [{\"name\": \"f\", \"arguments\": {}}]}";
    String template =
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + (m.content or '') + '<|im_end|>\n' }}"
            + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    Path base = ChatVocabulary.bytePairs(folder.resolve("base.gguf"), template);
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
      assertTrue(
          left(encoding, TrainOn.ASSISTANT, user + "," + silent)
              .endsWith(
                  ": nothing is left to learn: 2 examples left out: whatever the assistant says in"
                      + " it has weight 0, or train false"));
      for (String end : List.of(user, user + "," + silent)) {
        assertTrue(
            left(encoding, TrainOn.COMPLETION, user + "," + answer + "," + end)
                .contains("2 examples left out: --train-on completion learns what follows"));
      }
      assertTrue(
          left(encoding, TrainOn.ASSISTANT, user + "," + call)
              .contains("2 examples left out: the chat template leaves out the calls of tools"));
    }
  }

  private String left(TextEncoding encoding, TrainOn trainOn, String messages) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("data.jsonl"), ("{\"messages\": [" + messages + "]}\n").repeat(2));
    TrainingOptions options =
        new TrainingOptions().model(file).data(file).set(Settings.TRAIN_ON, trainOn);
    DataSettings settings = new DataSettings(options.resolveData(_ -> 64), 0);
    return assertThrows(
            InvalidInputException.class,
            () -> TrainingData.tokenize(List.of(file), settings, encoding, events))
        .getMessage();
  }

  @Test
  void aMillionTinyLines() throws IOException {
    Path file = folder.resolve("data.jsonl");
    Files.writeString(file, "\"a\"\n".repeat(1_000_000));
    DataSet data =
        TrainingData.load(List.of(file), DataSettings.of(512), TestEncodings.bytes(), events);
    assertEquals(1_000_000, data.examples());
    assertEquals(2_000_000, data.tokens());
    assertEquals(Math.ceilDiv(2_000_000, 512), data.rows().size());
  }

  @Test
  void nothingIsSilentlyDropped() throws IOException {
    Path file = folder.resolve("data.jsonl");
    Files.write(
        file,
        ("\"good\"\n\"bad \0\"\n\"\"\n{\"text\": 1}\n\"caf\u00e9\"\n\""
                + "long ".repeat(50)
                + "\"\n")
            .getBytes(StandardCharsets.ISO_8859_1));
    DataSettings defaults = DataSettings.of(64);
    InvalidInputException e =
        assertThrows(
            InvalidInputException.class,
            () -> TrainingData.tokenize(List.of(file), defaults, TestEncodings.bytes(), events));
    for (String expected :
        List.of(
            ":2: a NUL byte",
            ":3: 'text' is empty",
            ":4: 'text' must be a string",
            ":5: isn't text in UTF-8",
            "4 bad lines")) {
      assertTrue(e.getMessage().contains(expected), e.getMessage());
    }
  }

  /// Pieces of a text say where they begin in the file.
  @Test
  void piecesOfATextKnowTheirLines() throws IOException {
    Path file = folder.resolve("book.txt");
    Files.writeString(file, "one\ntwo\nthree\nfour\nfive\nsix\n");
    Path base = ChatVocabulary.bytePairs(folder.resolve("base.gguf"), "x");
    try (Tokenizer tokenizer = Tokenizer.open(base)) {
      TextEncoding encoding = TextEncoding.of(tokenizer, Optional.empty());
      List<TokenizedExample> pieces =
          TrainingData.tokenize(List.of(file), DataSettings.of(8), encoding, events);
      assertEquals(List.of(1, 3, 5, 6), pieces.stream().map(TokenizedExample::line).toList());
    }
  }
}
