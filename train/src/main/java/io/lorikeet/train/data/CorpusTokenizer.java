package io.lorikeet.train.data;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.DataFile;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.data.files.ExampleReader;
import io.lorikeet.train.data.files.SourceLine;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Settings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Reads the files of a source and tokenizes their examples on several threads; what comes out is
/// in the order of the files.
final class CorpusTokenizer {
  /// Characters of a task, about.
  private static final int TASK = 1 << 17;

  private static final double WORTH_TELLING = 1; // seconds

  private static final int TASKS_AHEAD = 4; // for each thread

  private final ExampleTokenizer tokenizer;
  private final DataSettings settings;
  private final TokenStoreWriter writer;
  private final TokenizingReport report;
  private final LostByTemplate lost;
  private final List<TrainingEvent> said = new ArrayList<>();
  private final TrainingListener listener;
  private final ExampleReader reader;
  private final Deque<Future<List<Done>>> running = new ArrayDeque<>();
  private final long start = System.nanoTime();
  private List<Example> task = new ArrayList<>();
  private int taskSize;
  private int examples;
  private int chats;
  private long tokens;

  private record Done(Example example, Tokenized result, Fingerprint fingerprint) {}

  /// @param listener told of recognized layouts, and of skipped and cut examples
  CorpusTokenizer(
      DataSettings settings,
      TextEncoding encoding,
      TokenStoreWriter writer,
      TrainingListener listener) {
    this.settings = settings;
    this.writer = writer;
    this.listener = listener;
    tokenizer =
        new ExampleTokenizer(
            encoding,
            settings.get(Settings.CONTEXT),
            settings.get(Settings.TOO_LONG),
            settings.get(Settings.TRAIN_ON),
            Optional.of(PairFit.of(encoding, settings)),
            Optional.of(RetrievalFit.of(encoding, settings)),
            settings.find(Settings.INVOCATION).map(text -> new Activation(text, encoding)));
    report =
        new TokenizingReport(
            encoding, settings.get(Settings.CONTEXT), settings.get(Settings.TOO_LONG));
    lost = new LostByTemplate(encoding);
    reader =
        new ExampleReader(
            settings.get(Settings.COLUMNS), settings.get(Settings.SKIP_BAD_LINES), this::pass);
  }

  /// Tokenizes it all.
  ///
  /// @throws InvalidInputException with the problems of the files
  TokenStore tokenize(DataSource source, List<DataFile> files) throws IOException {
    ExecutorService threads =
        Executors.newFixedThreadPool(
            settings.get(Settings.THREADS),
            Thread.ofPlatform().daemon().name("tokenizer-", 1).factory());
    try {
      for (DataFile file : files) {
        reader.read(
            file,
            source.format().or(() -> settings.find(Settings.FORMAT)),
            example -> add(example, threads));
        submit(threads);
        while (!running.isEmpty()) {
          takeFirst();
        }
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } finally {
      threads.shutdownNow();
    }
    reader.finish();
    report.report(this::pass);
    lost.report(this::pass);
    if (chats > 0) {
      pass(new TrainingEvent.ChatsRead(chats));
    }
    if (writer.count() == 0) {
      throw new InvalidInputException(nothingLeft(source));
    }
    tellSpeed();
    return writer.finish(said);
  }

  private void add(Example example, ExecutorService threads) {
    task.add(example);
    taskSize += 64 + example.content().words().length();
    if (taskSize >= TASK) {
      submit(threads);
    }
  }

  private void submit(ExecutorService threads) {
    if (!task.isEmpty()) {
      List<Example> part = task;
      running.addLast(threads.submit(() -> part.stream().map(this::tokenize).toList()));
      task = new ArrayList<>();
      taskSize = 0;
    }
    if (running.size() > TASKS_AHEAD * settings.get(Settings.THREADS)) {
      takeFirst();
    }
  }

  private Done tokenize(Example example) {
    return new Done(
        example, tokenizer.tokenize(example), Fingerprint.of(example.content().words()));
  }

  private void takeFirst() {
    try {
      for (Done done : running.removeFirst().get()) {
        take(done);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while tokenizing", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RuntimeException failure
          ? failure
          : new IllegalStateException(e.getCause());
    }
  }

  private void take(Done done) throws IOException {
    Example example = done.example();
    SourceLine place = new SourceLine(example.source(), example.line());
    if (done.result().fate() == Tokenized.Fate.REFUSED) {
      reader.refuse(place, done.result().problem());
      return;
    }
    if (!reader.isGood()) {
      return; // all of it was for nothing, but to count what is refused
    }
    report.add(place, done.result());
    lost.add(example);
    chats += example.content() instanceof Example.Chat ? 1 : 0;
    boolean document = example.content() instanceof Example.Document;
    for (int i = 0; i < done.result().examples().size(); i++) {
      TokenizedExample tokenized = done.result().examples().get(i);
      // Pieces of a book have nothing to do with each other when some are to be measured.
      writer.add(
          tokenized,
          document ? examples++ : examples,
          document ? tokenized.tokens().length : done.result().lengths().get(i),
          document ? Fingerprint.of(tokenized.tokens()) : done.fingerprint());
      tokens += tokenized.tokens().length;
    }
    examples += document ? 0 : 1;
  }

  /// Where it took a while; not kept, for a later run doesn't take it.
  private void tellSpeed() {
    double seconds = (System.nanoTime() - start) / 1e9;
    if (seconds >= WORTH_TELLING) {
      String text = "tokenized %,d tokens in %.1f s, %,.0f tokens/s, on %d thread%s";
      listener.on(
          new TrainingEvent.Note(
              String.format(
                  Locale.ROOT,
                  text,
                  tokens,
                  seconds,
                  tokens / seconds,
                  settings.get(Settings.THREADS),
                  settings.get(Settings.THREADS) == 1 ? "" : "s")));
    }
  }

  /// Keeps the messages, for a later run that finds everything tokenized.
  private void pass(TrainingEvent event) {
    switch (event) {
      case TrainingEvent.Note _, TrainingEvent.Warning _, TrainingEvent.ChatsRead _ -> {
        said.add(event);
        listener.on(event);
      }
      case TrainingEvent.Progress(String task, long done, long total) -> {
        double seconds = (System.nanoTime() - start) / 1e9;
        String text = String.format(Locale.ROOT, "%s, %,.0f tokens/s", task, tokens / seconds);
        listener.on(new TrainingEvent.Progress(text, done, total));
      }
      default -> listener.on(event);
    }
  }

  private String nothingLeft(DataSource source) {
    List<String> left = report.leftOut();
    if (left.isEmpty()) {
      return source.path() + ": no line is an example";
    }
    if (report.count(Tokenized.Fate.NOTHING_TO_LEARN) > 0) {
      return source.path() + ": nothing is left to learn: " + String.join("; ", left);
    }
    return String.format(
        Locale.ROOT,
        "%s: none of the %,d examples fits into the context of %,d tokens; give a larger --context, or shorter prompts",
        source.path(),
        report.tooLong(),
        settings.get(Settings.CONTEXT));
  }
}
