package io.lorikeet.train.data;

import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.DataFile;
import io.lorikeet.train.data.files.DataFiles;
import io.lorikeet.train.data.files.Example;
import io.lorikeet.train.data.files.ExampleReader;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import io.lorikeet.train.settings.Method;
import io.lorikeet.train.settings.ReplaySource;
import io.lorikeet.train.settings.Settings;
import io.lorikeet.train.settings.TrainingConfig;
import io.lorikeet.train.settings.ValidationData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// The data of a run: the examples to train on, and those that are only measured. Its tokens may
/// lie in mapped files, until it is closed.
public final class TrainingData implements AutoCloseable {
  private final List<Corpus> corpora; // the first holds what is trained on
  private final int[] chosen;
  private final DataSettings settings;
  private final DataSet training;
  private final Optional<DataSet> validation;
  private final Optional<ChatTemplate> chatTemplate;
  private final Optional<Method> method;

  private TrainingData(
      List<Corpus> corpora,
      int[] chosen,
      DataSettings settings,
      DataSet training,
      Optional<DataSet> validation,
      Optional<ChatTemplate> chatTemplate,
      Optional<Method> method) {
    this.corpora = corpora;
    this.chosen = chosen;
    this.settings = settings;
    this.training = training;
    this.validation = validation;
    this.chatTemplate = chatTemplate;
    this.method = method;
  }

  /// Figures of the training examples, each counted once, independent of its weight.
  ///
  /// @param encoding that they were tokenized with
  public DataFigures figures(TextEncoding encoding) {
    return DataFigures.of(corpora.getFirst(), chosen, settings, encoding);
  }

  /// Some training examples from all over the data, as the model sees them.
  ///
  /// @param count how many, if there are as many
  public List<TokenizedExample> sample(int count) {
    int wanted = Math.min(count, chosen.length);
    return IntStream.range(0, wanted)
        .mapToObj(i -> corpora.getFirst().get(chosen[(int) ((long) i * chosen.length / wanted)]))
        .toList();
  }

  /// Lengths that rows are computed in besides the context, in order.
  public List<Integer> shorterLengths() {
    return Stream.concat(Stream.of(training), validation.stream())
        .flatMap(set -> set.shorterLengths().stream())
        .distinct()
        .sorted()
        .toList();
  }

  /// The examples to train on.
  public DataSet training() {
    return training;
  }

  /// The examples that are only measured; empty where no validation was asked for.
  public Optional<DataSet> validation() {
    return validation;
  }

  /// The template that chats were written with; empty where there are no chats.
  public Optional<ChatTemplate> chatTemplate() {
    return chatTemplate;
  }

  /// How preferences are learned: as was asked for, or as they are recognized; empty for examples.
  public Optional<Method> method() {
    return method;
  }

  /// Reads, tokenizes, divides and packs the data of a run.
  ///
  /// @param listener told of recognized layouts, and of skipped and cut examples
  /// @throws InvalidInputException if the files can't be used, or leave nothing to train on
  public static TrainingData load(
      DataSettings settings, TextEncoding encoding, TrainingListener listener) throws IOException {
    AtomicBoolean chats = new AtomicBoolean();
    TrainingListener noting =
        event -> {
          chats.compareAndSet(false, event instanceof TrainingEvent.ChatsRead);
          listener.on(event);
        };
    try (DataLoader loader = new DataLoader(settings, encoding, noting)) {
      boolean ofFolders = settings.get(Settings.VALIDATION) instanceof ValidationData.None;
      List<DataSource> sources = settings.get(Settings.DATA);
      List<ReplaySource> replays = settings.get(Settings.REPLAY);
      Stream<DataSource> old = replays.stream().map(ReplaySource::source);
      Corpus corpus = loader.load(Stream.concat(sources.stream(), old).toList(), ofFolders);
      IntPredicate isNew = index -> corpus.source(index) < sources.size();
      DataSplit split = new DataSplit(corpus, isNew, settings.get(Settings.SEED));
      Optional<Corpus> apart = apart(settings, loader);
      Optional<Method> method =
          Judgements.method(
              settings, Stream.concat(Stream.of(corpus), apart.stream()).toList(), listener);
      int[] trained = split.where(_ -> true);
      int[] measured = {};
      if (apart.isPresent()) {
        measured = unseen(apart.get(), corpus, listener);
      } else if (wanted(settings, corpus, isNew) > 0) {
        IntPredicate chosen = split.measured(wanted(settings, corpus, isNew));
        measured = split.where(chosen.and(isNew));
        trained = split.where(chosen.negate());
      }
      tellDuplicates(Duplicates.in(corpus, trained), listener);
      int[] weighted = split.weighted(trained, Replay.weighted(corpus, trained, sources, replays));
      DataSet training = rows(corpus, weighted, settings);
      listener.on(new TrainingEvent.Note("training: " + training.summary()));
      Optional<DataSet> validation =
          measured.length == 0
              ? Optional.empty()
              : Optional.of(rows(apart.orElse(corpus), measured, settings));
      validation.ifPresent(
          set -> listener.on(new TrainingEvent.Note("validation: " + set.summary())));
      Judgements.requireOthers(
          method, Stream.concat(Stream.of(training), validation.stream()).toList());
      Optional<ChatTemplate> template =
          encoding.chats().filter(_ -> chats.get()).map(ChatEncoding::source);
      return new TrainingData(
          loader.release(), trained, settings, training, validation, template, method);
    }
  }

  /// At least one, and not all.
  private static long share(double share, long examples) {
    return Math.clamp(Math.round(share * examples), 1, Math.max(1, examples - 1));
  }

  /// Separate validation data: the requested files, or those in folders of data.
  private static Optional<Corpus> apart(DataSettings settings, DataLoader loader)
      throws IOException {
    return switch (settings.get(Settings.VALIDATION)) {
      case ValidationData.FromFile(DataSource source) ->
          Optional.of(loader.load(List.of(source), false));
      case ValidationData.None() -> loader.loadValidationOfFolders(settings.get(Settings.DATA));
      case ValidationData.Fraction _, ValidationData.Count _ -> Optional.empty();
    };
  }

  /// Examples to take out of the data for measuring.
  private static long wanted(DataSettings settings, Corpus corpus, IntPredicate isNew) {
    return switch (settings.get(Settings.VALIDATION)) {
      case ValidationData.Fraction(double share) ->
          share(
              share,
              IntStream.range(0, corpus.size()).filter(isNew).filter(corpus::isFirst).count());
      case ValidationData.Count(int examples) -> examples;
      case ValidationData.None(), ValidationData.FromFile _ -> 0;
    };
  }

  /// The measured examples without those that are trained on, if any are left then. Removing them
  /// from the training data instead would make training depend on measuring.
  private static int[] unseen(Corpus measured, Corpus trained, TrainingListener listener) {
    DataSplit split = new DataSplit(measured, 0);
    IntPredicate known = split.alsoIn(trained);
    int[] shared = split.where(index -> known.test(index) && measured.isFirst(index));
    int[] unseen = split.where(known.negate());
    if (unseen.length == 0) {
      listener.on(
          new TrainingEvent.Warning(
              "all validation examples are in the training data: their loss tells what is"
                  + " remembered, not what is learned"));
      return all(measured);
    }
    if (shared.length > 0) {
      String text =
          "%,d validation example%s in the training data, too, and not measured; first %s";
      listener.on(
          new TrainingEvent.Warning(
              String.format(
                  Locale.ROOT,
                  text,
                  shared.length,
                  shared.length == 1 ? " is" : "s are",
                  measured.place(shared[0]))));
    }
    return unseen;
  }

  private static void tellDuplicates(Duplicates duplicates, TrainingListener listener) {
    if (duplicates.exact() + duplicates.near() > 0) {
      listener.on(
          duplicates.allTheSame()
              ? new TrainingEvent.Warning("all training examples are the same")
              : new TrainingEvent.Note(duplicates.inWords()));
    }
  }

  /// Reads the training examples that [#load] tokenizes, without a word; not what can be read only
  /// once and is gone by then. Bad lines are passed over.
  public static void read(DataSettings settings, Consumer<Example> examples) throws IOException {
    ExampleReader reader = new ExampleReader(settings.get(Settings.COLUMNS), true, _ -> {});
    for (DataSource source : settings.get(Settings.DATA)) {
      for (DataFile file : DataFiles.of(source.path()).training()) {
        if (!file.isReadOnce()) {
          reader.read(file, source.format().or(() -> settings.find(Settings.FORMAT)), examples);
        }
      }
    }
  }

  /// Reads, tokenizes and packs files that are used for nothing but measuring.
  ///
  /// @throws InvalidInputException if the files can't be used, or leave nothing to measure on
  public static DataSet load(
      List<Path> files, DataSettings settings, TextEncoding encoding, TrainingListener listener)
      throws IOException {
    return DataSet.of(
        tokenizeAnswers(files, settings, encoding, listener),
        settings.get(Settings.CONTEXT),
        settings.get(Settings.PACKING) ? DataSet.Packing.ROWS : DataSet.Packing.NONE);
  }

  /// Reads and tokenizes files into memory, each example by itself. Answers of pairs are examples
  /// like others.
  ///
  /// @throws InvalidInputException if the files can't be used, or leave nothing to train on
  public static List<TokenizedExample> tokenize(
      List<Path> files, DataSettings settings, TextEncoding encoding, TrainingListener listener)
      throws IOException {
    try (DataLoader loader = new DataLoader(settings, encoding, listener)) {
      Corpus corpus = loader.load(files.stream().map(DataSource::of).toList(), false);
      List<TokenizedExample> examples = new ArrayList<>();
      Arrays.stream(all(corpus))
          .mapToObj(corpus::get)
          .map(one -> one.judgement().isOfSearch() ? one : one.judged(Judgement.NONE))
          .forEach(examples::add);
      return examples;
    }
  }

  /// As [#tokenize], of files whose tokens have a loss: not of texts to embed.
  ///
  /// @throws InvalidInputException as [#tokenize], and for queries and passages
  public static List<TokenizedExample> tokenizeAnswers(
      List<Path> files, DataSettings settings, TextEncoding encoding, TrainingListener listener)
      throws IOException {
    List<TokenizedExample> examples = tokenize(files, settings, encoding, listener);
    examples.stream()
        .filter(example -> example.judgement().isOfSearch())
        .findFirst()
        .ifPresent(
            text -> {
              throw new InvalidInputException(
                  "%s:%s: a query with its passages, whose tokens have no loss; give examples"
                      .formatted(text.source(), text.line()));
            });
    return examples;
  }

  /// The first examples that a run measures or else trains on, to try things on.
  ///
  /// @param tokens as many as are wanted in all
  /// @return empty where the data can be read only once, and is gone
  public static List<TokenizedExample> first(
      TrainingConfig config, TextEncoding encoding, int tokens) throws IOException {
    DataSource source =
        config.get(Settings.VALIDATION) instanceof ValidationData.FromFile(DataSource measured)
            ? measured
            : config.get(Settings.DATA).getFirst();
    List<TokenizedExample> examples = new ArrayList<>();
    if (DataFiles.of(source.path()).training().stream().anyMatch(DataFile::isReadOnce)) {
      return examples;
    }
    try (DataLoader loader = new DataLoader(new DataSettings(config, 0), encoding, _ -> {})) {
      Corpus corpus = loader.load(List.of(source), false);
      int taken = 0;
      for (int i = 0; i < corpus.size() && taken < tokens; i++) {
        examples.add(corpus.get(i));
        taken += corpus.places(i) + 1;
      }
    }
    return examples;
  }

  private static int[] all(Corpus corpus) {
    return IntStream.range(0, corpus.size()).toArray();
  }

  private static DataSet rows(Corpus corpus, int[] chosen, DataSettings settings) {
    return DataSet.of(corpus, chosen, settings.get(Settings.CONTEXT), DataSet.Packing.of(settings));
  }

  @Override
  public void close() {
    corpora.forEach(Corpus::close);
  }
}
