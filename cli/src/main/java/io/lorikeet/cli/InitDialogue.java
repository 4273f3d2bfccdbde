package io.lorikeet.cli;

import io.lorikeet.finetune.FirstRun;
import io.lorikeet.finetune.bases.BaseFinder;
import io.lorikeet.finetune.text.Words;
import io.lorikeet.models.family.ModelConfig;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.DataFiles;
import io.lorikeet.train.settings.Setting;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// Asks for what a first run needs. An answer that can't be used is said to be so, and asked for
/// again; nothing typed takes what stands in brackets.
final class InitDialogue {
  /// An answer: the time isn't limited.
  static final String NO_TIME = "none";

  private static final String BASES = "*.gguf";
  private static final String DATA = "*.{jsonl,ndjson,json,csv,tsv,parquet}";

  private final BufferedReader in;
  private final PrintWriter out;
  private final ProgressLine line;
  private final BaseFinder bases;

  /// The answers, and the run that follows from them.
  ///
  /// @param time empty where it isn't limited
  record Result(
      Path model,
      String data,
      TrainingConfig.Purpose goal,
      Optional<Duration> time,
      FirstRun run) {}

  InitDialogue(BufferedReader in, PrintWriter out, ProgressLine line, BaseFinder bases) {
    this.in = in;
    this.out = out;
    this.line = line;
    this.bases = bases;
  }

  @FunctionalInterface
  private interface AnswerReader<T> {
    T of(String answer) throws IOException;
  }

  /// @param given answers that aren't asked for
  /// @param folder where files are looked for that could be meant
  /// @throws InvalidInputException when an answer that was given can't be used, or the input ends
  Result run(InitAnswers given, Path folder) throws IOException {
    Path model =
        answer(
            "--model",
            BaseOption.DESCRIPTION,
            given.model().map(Path::toString),
            () -> first(folder, BASES, this::isBase),
            this::base);
    String data =
        answer(
            "--data",
            "training examples: a file, a folder or a pattern",
            given.data(),
            () -> first(folder, DATA, _ -> true),
            InitDialogue::data);
    TrainingConfig.Purpose goal =
        answer(
            "--goal",
            "use of the result: an adapter beside its base, or merged into it (%s)"
                .formatted(String.join(", ", Settings.FOR.choices())),
            given.goal(),
            () -> Optional.of(Setting.name(TrainingConfig.Purpose.ADAPTER)),
            text -> Settings.FOR.parse(List.of(text)));
    FirstRun run = FirstRun.of(model, data, goal, new TrainingProgress(line));
    line.clear();
    line.sentence(found(run));
    Optional<Duration> time =
        answer(
            "--time",
            "the most time that it may take, such as 2h",
            given.time(),
            () -> Optional.of(NO_TIME),
            InitDialogue::time);
    return new Result(model, data, goal, time, run);
  }

  private static String found(FirstRun run) {
    return "%s examples, about %s steps in %s epoch%s; context %s, of up to %s that fit into memory"
        .formatted(
            Words.count(run.data().examples()),
            Words.count(run.steps()),
            run.epochs(),
            run.epochs() == 1 ? "" : "s",
            Words.count(run.context()),
            Words.count(run.memory().longestContext()));
  }

  @FunctionalInterface
  private interface AnswerFinder {
    Optional<String> find() throws IOException;
  }

  private <T> T answer(
      String option,
      String question,
      Optional<String> given,
      AnswerFinder usual,
      AnswerReader<T> reading)
      throws IOException {
    if (given.isPresent()) {
      try {
        return reading.of(given.get());
      } catch (InvalidInputException | IllegalArgumentException e) {
        throw new InvalidInputException(option + ": " + e.getMessage(), e);
      }
    }
    Optional<String> found = usual.find();
    while (true) {
      out.print(question + found.map(text -> " [" + text + "]").orElse("") + ": ");
      out.flush();
      String typed = in.readLine();
      if (typed == null) {
        throw new InvalidInputException("the input ended before an answer for " + option);
      }
      String text = typed.isBlank() ? found.orElse("") : typed.strip();
      if (text.isEmpty()) {
        continue;
      }
      try {
        return reading.of(text);
      } catch (InvalidInputException | IllegalArgumentException e) {
        out.println("  " + e.getMessage());
      }
    }
  }

  private Path base(String answer) throws IOException {
    Path file = bases.find(Path.of(answer));
    try (GgufFile base = GgufFile.openHeader(file)) {
      ModelConfig.of(base); // says why it can't be trained
    }
    return file;
  }

  private static String data(String answer) throws IOException {
    DataFiles.of(answer);
    return answer;
  }

  private static Optional<Duration> time(String answer) {
    return answer.equals(NO_TIME)
        ? Optional.empty()
        : Optional.of(Settings.MAX_TIME.parse(List.of(answer)));
  }

  private boolean isBase(Path file) {
    try {
      return Files.isRegularFile(base(file.toString()));
    } catch (IOException | InvalidInputException _) {
      return false;
    }
  }

  private static Optional<String> first(Path folder, String pattern, Predicate<Path> suits)
      throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, pattern)) {
      List<Path> found = new ArrayList<>();
      files.forEach(found::add);
      return found.stream().sorted().filter(suits).findFirst().map(Path::toString);
    }
  }
}
