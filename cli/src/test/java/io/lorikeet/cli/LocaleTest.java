package io.lorikeet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.models.random.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The user's language changes nothing: not a digit (Arabic has its own), not a letter (in Turkish
/// a small I has no dot).
@Tag("slow")
class LocaleTest {
  private final Locale before = Locale.getDefault();
  @TempDir private Path folder;

  @AfterEach
  void restore() {
    Locale.setDefault(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ar-EG", "tr-TR"})
  void runsAreTheSame(String tag) throws IOException {
    Path base = RandomModel.of(TensorType.Q4_0).context(64).write(folder.resolve("base.gguf"));
    Path data =
        Files.writeString(
            folder.resolve("data.jsonl"),
            "{\"messages\":[{\"role\":\"user\",\"content\":\"HI\"},{\"role\":\"assistant\",\"content\":\"ok\"}]}\n"
                .repeat(4));
    Path template =
        Files.writeString(
            folder.resolve("t.jinja"),
            "{{ strftime_now('%e %d %Y') }}{{ '%d %5.2f'|format(12, 3.5) }}{{ 1234.5|round(1) }}"
                + "{% for m in messages %}{% generation %}{{ m.content|lower }}{% endgeneration %}{% endfor %}");
    Locale.setDefault(Locale.ENGLISH);
    List<String> english = outcome(base, data, template, "english");
    Locale.setDefault(Locale.forLanguageTag(tag));
    assertEquals(english, outcome(base, data, template, tag));
  }

  private List<String> outcome(Path base, Path data, Path template, String name)
      throws IOException {
    List<String> texts = new ArrayList<>();
    String shown =
        CommandRun.of(
                "data",
                "--model",
                base,
                "--data",
                data,
                "--chat-template",
                template,
                "--json",
                "--context",
                64,
                "--cache",
                folder.resolve("cache-" + name),
                "--threads",
                1)
            .assertSucceeds()
            .out();
    // Said only where it took a second, as it may on a busy machine.
    texts.add(shown.replaceAll(",?\\s*\"tokenized[^\"]*\"", ""));
    Path adapter = folder.resolve("a.gguf");
    CommandRun run =
        CommandRun.of(
            "train",
            "--model",
            base,
            "--data",
            data,
            "--chat-template",
            template,
            "--output",
            adapter,
            "--run",
            folder.resolve("run"),
            "--context",
            64,
            "--steps",
            1,
            "--device",
            "CPU",
            "--threads",
            1,
            "--schedule",
            "LINEAR",
            "--precision",
            "LLAMA",
            "--cache",
            folder.resolve("cache"));
    run.assertSucceeds();
    for (String file : new String[] {"config.yaml", "computation.yaml"}) {
      texts.add(Files.readString(folder.resolve("run").resolve(file)));
    }
    texts.add(CommandRun.of("inspect", adapter, "--hashes").assertSucceeds().out());
    texts.add(CommandRun.of("plan", "--model", base, "--rank", 0).err());
    texts.add(CommandRun.of("models").assertSucceeds().out());
    try (Stream<Path> files = Files.walk(folder.resolve("run"))) {
      files.sorted(java.util.Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
    }
    Files.delete(adapter);
    Files.delete(folder.resolve("a.MODEL_CARD.md"));
    return texts;
  }

  /// `formatted` and the short `String.format` and `printf` write numbers in the digits of the
  /// user's language: numbers go through `%s` there, or through `Locale.ROOT`.
  @Test
  void noNumberIsFormattedInTheUsersLanguage() throws IOException {
    assumeTrue(Files.isDirectory(Path.of("../models/src/main/java")), "the sources aren't here");
    String number = "%[-#+ 0,(]*\\d*(?:\\.\\d+)?[dfeEgGaAtT]";
    String text = "\"(?:[^\"\\\\\n]|\\\\.)*" + number + "(?:[^\"\\\\\n]|\\\\.)*\"";
    String more = "(?:\\s*\\+?\\s*\"(?:[^\"\\\\\n]|\\\\.)*\")*";
    Pattern wrong =
        Pattern.compile(
            text
                + more
                + "\\)?\\s*\\.formatted\\(|(?:String\\.format|printf)\\(\\s*"
                + text
                + "|to(?:Lower|Upper)Case\\(\\)");
    List<String> found = new ArrayList<>();
    for (String module : List.of("native-bindings", "quant", "models", "train", "export", "cli")) {
      try (Stream<Path> files = Files.walk(Path.of("..", module, "src/main/java"))) {
        for (Path file : files.filter(name -> name.toString().endsWith(".java")).toList()) {
          wrong
              .matcher(Files.readString(file))
              .results()
              .forEach(match -> found.add(file + ": " + match.group()));
        }
      }
    }
    assertTrue(found.isEmpty(), () -> String.join("\n", found));
  }
}
