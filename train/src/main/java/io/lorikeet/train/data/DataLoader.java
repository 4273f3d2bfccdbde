package io.lorikeet.train.data;

import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.data.files.DataFile;
import io.lorikeet.train.data.files.DataFiles;
import io.lorikeet.train.event.TrainingEvent;
import io.lorikeet.train.event.TrainingListener;
import io.lorikeet.train.settings.DataSettings;
import io.lorikeet.train.settings.DataSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Makes corpora of sources, from kept tokens or anew. Closes the corpora it made, unless they were
/// released.
final class DataLoader implements AutoCloseable {
  private final TokenCache cache;
  private final TrainingListener listener;
  private final List<TokenStore> open = new ArrayList<>();
  private final List<Corpus> made = new ArrayList<>();

  /// @param listener told of recognized layouts, and of skipped and cut examples
  DataLoader(DataSettings settings, TextEncoding encoding, TrainingListener listener) {
    cache = new TokenCache(settings, encoding);
    this.listener = listener;
  }

  /// The examples of sources to train on, or of one to measure on.
  ///
  /// @param validation whether what folders hold as validation data is loaded, too, by
  ///     [#loadValidationOfFolders]
  /// @throws InvalidInputException with the problems of any of them
  Corpus load(List<DataSource> sources, boolean validation) throws IOException {
    List<TokenStore> stores = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (DataSource source : sources) {
      DataFiles files = find(source);
      tellLeftOut(source, files, validation);
      try {
        stores.add(store(source, files.training()));
      } catch (InvalidInputException e) {
        problems.add(e.getMessage());
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(String.join("\n", problems));
    }
    return corpus(stores);
  }

  private void tellLeftOut(DataSource source, DataFiles files, boolean validation) {
    Stream<Path> unused =
        validation ? Stream.empty() : files.validation().stream().map(DataFile::path);
    String names =
        Stream.concat(files.leftOut().stream(), unused)
            .map(file -> file.getFileName().toString())
            .sorted()
            .collect(Collectors.joining(", "));
    if (!names.isEmpty()) {
      listener.on(new TrainingEvent.Note(source.path() + ": not trained on: " + names));
    }
  }

  /// The examples of files that folders hold as validation data; empty if they hold none.
  Optional<Corpus> loadValidationOfFolders(List<DataSource> sources) throws IOException {
    List<TokenStore> stores = new ArrayList<>();
    for (DataSource source : sources) {
      List<DataFile> files = find(source).validation();
      if (!files.isEmpty()) {
        String names = files.stream().map(DataFile::name).collect(Collectors.joining(", "));
        listener.on(new TrainingEvent.Note("validation: " + names));
        stores.add(store(source, files));
      }
    }
    return stores.isEmpty() ? Optional.empty() : Optional.of(corpus(stores));
  }

  private TokenStore store(DataSource source, List<DataFile> files) throws IOException {
    TokenStore store = cache.get(source, files, listener);
    open.add(store);
    return store;
  }

  private Corpus corpus(List<TokenStore> stores) {
    Corpus corpus = new Corpus(stores);
    made.add(corpus);
    return corpus;
  }

  private static DataFiles find(DataSource source) throws IOException {
    try {
      return DataFiles.of(source.path());
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException("data: " + e.getMessage(), e);
    }
  }

  /// Hands over all that was made.
  List<Corpus> release() {
    List<Corpus> released = List.copyOf(made);
    open.clear();
    return released;
  }

  @Override
  public void close() {
    open.forEach(TokenStore::close);
  }
}
