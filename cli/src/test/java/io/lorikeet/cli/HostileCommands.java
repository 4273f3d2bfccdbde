package io.lorikeet.cli;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// The commands that read a base, each given a hostile one. A command may do its work or refuse the
/// file in words; everything else is a finding.
final class HostileCommands {
  /// The most time that a small file may take, in nanoseconds; the machine may be busy.
  private static final long MOST_TIME = 60_000_000_000L;

  private static final Pattern CONTROL = Pattern.compile("[\\p{Cntrl}&&[^\\n\\r\\t]]");
  private static final Pattern VERDICT = Pattern.compile("(?m)^(FAILED|inconclusive): ");
  private static final Pattern NOT_FINITE = Pattern.compile("\\b(NaN|Infinity)\\b");

  private final Path folder;
  private final Path data;
  private final Path text;
  private final Path adapter;

  /// Prepares what the commands are given beside the base.
  ///
  /// @param folder for all files
  HostileCommands(Path folder) throws IOException {
    this.folder = Files.createDirectories(folder);
    data = folder.resolve("data.jsonl");
    text = folder.resolve("text.txt");
    adapter = folder.resolve("adapter.gguf");
    Files.deleteIfExists(adapter);
    Files.deleteIfExists(folder.resolve("adapter.MODEL_CARD.md"));
    removeRuns(); // of a process that ended
    Files.writeString(
        data,
        """
        {"prompt": "ab", "completion": " c"}
        {"prompt": "de", "completion": " f\\u00e9"}
        """);
    Files.writeString(text, "Once upon a time there was a cat. ".repeat(4));
  }

  /// Trains the adapter that `merge` and `verify` are given.
  ///
  /// @param base the good base
  void train(Path base) {
    CommandRun run = run("train", base, adapter);
    if (run.exitCode() != 0) {
      throw new IllegalStateException("the good base can't be trained: " + run.out() + run.err());
    }
  }

  /// Those that can be run, the quickest first.
  static List<String> names() {
    return List.of(
        "inspect",
        "plan",
        "data",
        "generate",
        "generate --chat",
        "chat",
        "eval",
        "imatrix",
        "merge",
        "verify",
        "quantize",
        "train");
  }

  /// The results of a command on a file.
  ///
  /// @param finding the fault in its behaviour
  record Outcome(int exitCode, String message, Optional<String> finding) {}

  Outcome judge(String name, Path base) throws IOException {
    Path output = folder.resolve("output.gguf");
    long start = System.nanoTime();
    CommandRun run;
    try {
      run = run(name, base, output);
    } catch (RuntimeException | Error e) {
      StringWriter trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace));
      return new Outcome(-1, "", Optional.of("throws " + trace));
    } finally {
      removeRuns();
    }
    long time = System.nanoTime() - start;
    return new Outcome(run.exitCode(), run.err().strip(), finding(name, run, time));
  }

  private static Optional<String> finding(String name, CommandRun run, long time) {
    String all = run.out() + run.err();
    if (time > MOST_TIME) {
      return Optional.of("takes " + time / 1_000_000 + " ms");
    }
    if (CONTROL.matcher(all).find()) {
      return Optional.of("prints control characters: " + escaped(all));
    }
    if (all.contains("\tat ") || all.contains("defect") || all.contains("Exception")) {
      return Optional.of("defect: " + run.err());
    }
    if (run.exitCode() == 0) {
      return !name.equals("inspect") && NOT_FINITE.matcher(run.out()).find()
          ? Optional.of("succeeds with numbers that are none: " + run.out())
          : Optional.empty();
    }
    boolean unproven = run.exitCode() == Failure.FAILED || run.exitCode() == Failure.INCONCLUSIVE;
    if (unproven && VERDICT.matcher(run.out()).find()) {
      return Optional.empty(); // weights can be so small that nothing is learned
    }
    if (!run.err().contains("lorikeet: ")) {
      return Optional.of("no message: exit " + run.exitCode() + " " + run.err());
    }
    return run.exitCode() == Failure.BAD_INPUT
        ? Optional.empty()
        : Optional.of("exit " + run.exitCode() + ": " + run.err());
  }

  private static String escaped(String text) {
    return CONTROL
        .matcher(text)
        .replaceAll(found -> "<%02x>".formatted((int) found.group().charAt(0)));
  }

  private CommandRun run(String name, Path base, Path output) {
    List<Object> words = new ArrayList<>(List.of(name.split(" ")));
    if (!name.equals("inspect") && !name.equals("quantize")) {
      words.add("--model");
    }
    words.add(base);
    words.addAll(
        switch (name) {
          case "inspect" -> List.of();
          case "plan" -> List.of("--device", "cpu", "--context", 16);
          case "data" -> List.of("--data", data, "--json");
          case "generate" -> List.of("--prompt", "ab", "--tokens", 4, "--threads", 1);
          case "generate --chat" ->
              List.of("--chat-template", "chatml", "--prompt", "ab", "--tokens", 4, "--threads", 1);
          case "chat" -> List.of("--chat-template", "chatml", "--tokens", 4, "--threads", 1);
          case "eval" -> List.of("--data", data, "--threads", 1);
          case "imatrix" ->
              List.of("--data", text, "--context", 64, "--output", output, "--threads", 1);
          case "merge" ->
              List.of(
                  "--adapter",
                  adapter,
                  "--force",
                  "--data",
                  text,
                  "--output",
                  output,
                  "--threads",
                  1);
          case "verify" ->
              List.of("--adapter", adapter, "--force", "--device", "cpu", "--threads", 1);
          case "quantize" -> List.of(output, "--type", "Q4_0", "--threads", 1);
          case "train" ->
              List.of(
                  "--data",
                  data,
                  "--output",
                  output,
                  "--run",
                  folder.resolve("run"),
                  "--steps",
                  1,
                  "--learning-rate",
                  0.05,
                  "--context",
                  16,
                  "--rank",
                  2,
                  "--device",
                  "cpu",
                  "--threads",
                  1);
          default -> throw new IllegalArgumentException(name);
        });
    InputStream typed = System.in;
    System.setIn(new ByteArrayInputStream("ab\n".getBytes(StandardCharsets.UTF_8)));
    try {
      return CommandRun.of(words.toArray());
    } finally {
      System.setIn(typed);
    }
  }

  private void removeRuns() throws IOException {
    Files.deleteIfExists(folder.resolve("output.gguf"));
    Files.deleteIfExists(folder.resolve("output.MODEL_CARD.md"));
    Path run = folder.resolve("run");
    if (Files.exists(run)) {
      try (Stream<Path> files = Files.walk(run)) {
        files.sorted(Comparator.reverseOrder()).forEach(HostileCommands::delete);
      }
    }
  }

  private static void delete(Path file) {
    try {
      Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
